"""What is generated into docs/ is what the code says now."""

from pathlib import Path
from shutil import copy

import pytest

from ops import documents
from ops.event_model import BEGIN, END


@pytest.mark.parametrize("name", documents.DOCUMENTS)
def test_the_document_is_up_to_date(name: str) -> None:
    text = (documents.DOCS / name).read_text(encoding="utf-8")
    assert documents.DOCUMENTS[name](text) == text, "run `make docs` and commit what it changed"


def test_a_stale_document_is_noticed_and_made_anew(tmp_path: Path) -> None:
    for name in documents.DOCUMENTS:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        copy(documents.DOCS / name, tmp_path / name)
    (tmp_path / "event-model.md").write_text(f"{BEGIN} old {END}", encoding="utf-8")
    (tmp_path / "asyncapi.json").unlink()
    assert sorted(documents.stale(tmp_path)) == ["asyncapi.json", "event-model.md"]
    assert sorted(documents.write(tmp_path)) == ["asyncapi.json", "event-model.md"]
    assert documents.stale(tmp_path) == {}


def test_the_command_says_what_is_stale(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(documents, "stale", lambda: {"asyncapi.json": ""})
    assert documents.main(["check"]) == 1
    assert "docs/asyncapi.json is stale" in capsys.readouterr().out


def test_the_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert documents.main(["publish"]) == 2
    assert "usage" in capsys.readouterr().err
