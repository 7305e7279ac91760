"""The on-call file, read whole: all of it is right, or every problem is named with its line."""

from types import MappingProxyType

from bridge.domain.errors import OperatorError
from bridge.oncall.people_tables import check_namespace, read_groups, read_people, read_schedules
from bridge.oncall.policy_tables import read_heartbeats, read_policies, read_routes
from bridge.oncall.records import UTC, Kind, OnCall
from bridge.toml.parse import NotToml, parse
from bridge.toml.sections import Problems, Section


class OnCallFileError(OperatorError):
    """The on-call file cannot be taken. `problems`: a sentence each, such as `line 12: people.ama.quiet is …`."""

    def __init__(self, *problems: str) -> None:
        super().__init__("the on-call file: " + "; ".join(problems))
        self.problems = problems


def read(text: str, *, region: str) -> OnCall:
    """What the file says. Raises OnCallFileError, and nothing else, whatever the text.

    `region` reads national numbers, as in `BRIDGE_DEFAULT_REGION`. Calendars are named here, and read elsewhere.
    """
    try:
        file, problems = parse(text)
    except NotToml as error:
        raise OnCallFileError(str(error)) from None
    oncall = _oncall(file, problems, region)
    if problems.found:
        raise OnCallFileError(*problems.sentences)
    return oncall


def _oncall(file: Section, problems: Problems, region: str) -> OnCall:
    zone = file.zone("timezone", UTC)
    people = read_people(file, region=region, zone=zone)
    groups = read_groups(file, people)
    schedules = read_schedules(file, people, zone=zone)
    check_namespace(file)
    policies = read_policies(file, {Kind.PERSON: people, Kind.GROUP: groups, Kind.SCHEDULE: schedules})
    routes = read_routes(file, policies)
    heartbeats = read_heartbeats(file, policies)
    file.end()
    return OnCall(
        timezone=zone,
        people=MappingProxyType(people),
        groups=MappingProxyType(groups),
        schedules=MappingProxyType(schedules),
        policies=MappingProxyType(policies),
        routes=routes,
        heartbeats=MappingProxyType(heartbeats),
        lines=MappingProxyType(
            {".".join(map(str, path)): line for path, line in problems.lines.items() if len(path) == 2}
        ),
    )
