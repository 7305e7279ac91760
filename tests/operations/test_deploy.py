"""What users copy: the unit, the image, the files of hosts."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    unit = (DEPLOY / "bridge.service").read_text(encoding="utf-8")
    here = tmp_path / "bridge.service"
    here.write_text(unit.replace("/opt/bridge/.venv/bin/bridge", "/bin/true").replace("/opt/bridge", str(tmp_path)))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", here], capture_output=True, text=True, check=False, timeout=30
    )
    assert not re.findall(r".*bridge\.service.*", done.stdout + done.stderr)


def test_there_is_one_copy_of_the_unit_and_the_readme_installs_it() -> None:
    assert "[Service]" not in README
    assert "install -m 644 deploy/bridge.service /etc/systemd/system/" in README


def test_the_image_copies_what_is_there_and_what_docker_is_given() -> None:
    given = {line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line[0] == "!"}
    lines = re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.MULTILINE)
    copied = {one for line in lines for one in line.split()[:-1]}
    assert copied == given
    assert all((ROOT / one).exists() for one in copied)


def test_the_image_takes_locked_dependencies_and_runs_as_nobody_of_note() -> None:
    last = DOCKERFILE.rpartition("FROM ")[2]
    assert "--require-hashes --no-deps -r requirements.txt" in DOCKERFILE
    assert last.index("USER bridge") < last.index("CMD [")
    assert "BRIDGE_DATABASE_URL=" not in DOCKERFILE, "it would win over DATABASE_URL"
