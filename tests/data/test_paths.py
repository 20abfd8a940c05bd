"""`tfvae.data.paths`."""

import pytest

from tfvae.data import paths
from tfvae.errors import UserError


def test_what_is_there_is_given_back(tmp_path):
    (tmp_path / "a.csv").write_text("x\n1\n")
    assert paths.existing_file(str(tmp_path / "a.csv"), "csv") == tmp_path / "a.csv"
    assert paths.existing_folder(str(tmp_path), "data.dir", "that holds files") == tmp_path


def test_what_is_not_there_is_a_sentence(tmp_path):
    (tmp_path / "a.csv").write_text("x\n1\n")
    with pytest.raises(UserError, match=r"no file .*b\.csv; beside it there are: a\.csv"):
        paths.existing_file(str(tmp_path / "b.csv"), "csv")
    with pytest.raises(UserError, match="is not there either"):
        paths.existing_file(str(tmp_path / "nowhere" / "b.csv"), "csv")
    with pytest.raises(UserError, match="is a folder, want a csv file"):
        paths.existing_file(str(tmp_path), "csv")
    with pytest.raises(UserError, match=r"--set data\.path=FILE"):
        paths.existing_file(None, "csv")
    with pytest.raises(UserError, match="is a file, want a folder that holds images"):
        paths.existing_folder(str(tmp_path / "a.csv"), "data.path", "that holds images")
    with pytest.raises(UserError, match=r"--set data\.path=DIR"):
        paths.existing_folder(None, "data.path", "that holds images")
