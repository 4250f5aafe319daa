"""What the check of the lock files finds."""

from deploy.embedded.locks import faults, faults_of_lock, faults_of_project, pins

LOCK = """
# made by a tool
alpha==1.2 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
    # via beta
beta[x]==2 ; python_version > '3' \\
    --hash=sha256:cc
"""


def test_the_lock_files_of_this_project_are_sound() -> None:
    assert faults() == []


def test_pins_are_read_with_their_extras_markers_and_comments() -> None:
    assert pins(LOCK) == {"alpha": "1.2", "beta": "2"}
    assert list(faults_of_lock("a.lock", LOCK)) == []


def test_a_pin_without_a_hash_is_a_fault() -> None:
    assert list(faults_of_lock("a.lock", "alpha==1\n")) == ["a.lock: no hash: alpha==1"]


def test_an_address_of_an_index_is_a_fault() -> None:
    assert next(faults_of_lock("a.lock", f"--index-url https://x.invalid\n{LOCK}")) == "a.lock names an index"


def test_a_range_is_a_fault() -> None:
    assert next(faults_of_lock("a.lock", "alpha>=1 \\\n --hash=sha256:aa\n")).startswith("a.lock: not a pin")


def test_what_the_project_asks_for_must_be_pinned_and_allowed() -> None:
    project = {"project": {"dependencies": ["alpha>=2", "Gamma"], "optional-dependencies": {"x": ["beta==2"]}}}
    assert list(faults_of_project(project, pins(LOCK))) == [
        "requirements.lock has alpha 1.2, pyproject.toml asks for alpha>=2",
        "requirements.lock lacks Gamma",
    ]
