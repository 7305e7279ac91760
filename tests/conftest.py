"""What holds for every test."""

from hypothesis import HealthCheck, settings

# The same examples in every run; and a busy machine is no finding.
settings.register_profile(
    "repeatable",
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("repeatable")
