"""`tfvae.data.paths`."""

import pytest

from tfvae.data import paths
from tfvae.errors import UserError


def test_what_is_there_is_given_back(tmp_path):
    (tmp_path / "a.csv").write_text("x\n1\n")
    assert paths.existing_file(str(tmp_path / "a.csv"), "csv") == tmp_path / "a.csv"
    assert paths.existing_folder(str(tmp_path), "data.dir", "with files") == tmp_path


def test_what_is_not_there_is_a_sentence(tmp_path):
    (tmp_path / "a.csv").write_text("x\n1\n")
    with pytest.raises(UserError, match=r"b\.csv does not exist; \.csv files in that folder: a\.csv"):
        paths.existing_file(str(tmp_path / "b.csv"), "csv")
    with pytest.raises(UserError, match="neither does the folder"):
        paths.existing_file(str(tmp_path / "nowhere" / "b.csv"), "csv")
    with pytest.raises(UserError, match="is a folder; expected a csv file"):
        paths.existing_file(str(tmp_path), "csv")
    with pytest.raises(UserError, match=r"--set data\.path=FILE"):
        paths.existing_file(None, "csv")
    with pytest.raises(UserError, match="is a file; expected a folder with images"):
        paths.existing_folder(str(tmp_path / "a.csv"), "data.path", "with images")
    with pytest.raises(UserError, match=r"--set data\.path=DIR"):
        paths.existing_folder(None, "data.path", "with images")
