"""Version folders: numbered by integers, created atomically, read-only."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tfvae.errors import UserError
from tfvae.export import versions
from tfvae.files import write


def make(base: Path, text: str = "whole") -> Path:
    with versions.building(base) as folder:
        (folder / "inner").mkdir()
        (folder / "inner" / "file").write_text(text)
        (folder / "link").symlink_to("inner/file")

        def finish(version: int) -> None:
            write(folder / "name", lambda path: path.write_text(str(version)))

        return versions.publish(folder, base, finish)


def test_versions_count_up_and_are_never_changed(tmp_path: Path) -> None:
    base = tmp_path / "new" / "export"
    first, second = make(base), make(base)
    assert [first.name, second.name] == ["1", "2"]
    assert (second / "name").read_text() == "2"
    assert (second / "link").read_text() == "whole"
    assert not (first / "inner" / "file").stat().st_mode & 0o222
    assert (base.stat().st_mode & 0o777, first.stat().st_mode & 0o777) == (0o755, 0o755)
    (base / "40").mkdir()
    assert make(base).name == "41"
    assert sorted(path.name for path in base.iterdir()) == ["1", "2", "40", "41"]


def test_one_that_another_process_took_meanwhile(tmp_path: Path) -> None:
    names = []
    with versions.building(tmp_path) as folder:
        (folder / "file").touch()

        def finish(version: int) -> None:
            names.append(version)
            write(folder / "name", lambda path: path.write_text(str(version)))
            if version == 1:
                (tmp_path / "1").mkdir()
                (tmp_path / "1" / "theirs").touch()

        made = versions.publish(folder, tmp_path, finish)
    assert names == [1, 2]
    assert (made.name, (made / "name").read_text()) == ("2", "2")
    assert [path.name for path in (tmp_path / "1").iterdir()] == ["theirs"]


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        with versions.building(tmp_path / "a" / "b") as folder:
            (folder / "half").touch()
            raise UserError("missed")

    with pytest.raises(UserError, match="missed"):
        fail()
    assert not list(tmp_path.iterdir())


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_holds_is_not(tmp_path: Path) -> None:
    (tmp_path / ".tfvae-killed").mkdir()
    with versions.building(tmp_path) as living:
        (living / "half").touch()
        if not (child := os.fork()):
            make(tmp_path)
            os._exit(0)
        os.waitpid(child, 0)
        assert (living / "half").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["1"]


def test_a_file_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="this is a file; expected a folder"):
        make(tmp_path / "file")
