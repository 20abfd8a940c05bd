"""Splits of the user's own: folders, a file of names, a column; through `tfvae.data.load`."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tfvae.config.data import Csv, Images, Npz
from tfvae.data import load
from tfvae.errors import UserError


def images(folder, *names):
    """Files of different content."""
    for i, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(tf.io.encode_png(np.full([8, 8, 1], i, np.uint8)).numpy())


def read(folder, **settings):
    return load.load(Images(path=str(folder), image_size=(8, 8), channels=1, **settings), seed=0)


def names(split, folder):
    return [path[len(str(folder)) + 1 :] for path in split.x.paths]


@pytest.mark.parametrize("validation", ["val", "valid", "Validation"])
def test_folders_called_as_splits_are_splits(tmp_path, validation):
    images(tmp_path, "train/b/1.png", "train/a/2.png", f"{validation}/b/3.png", "test/c/4.png", "test/a/5.png")
    data = read(tmp_path)
    assert names(data.train, tmp_path) == ["train/a/2.png", "train/b/1.png"]
    assert names(data.validation, tmp_path) == [f"{validation}/b/3.png"]
    assert names(data.test, tmp_path) == ["test/a/5.png", "test/c/4.png"]
    assert data.label_names == ("a", "b", "c")
    assert (data.train.y.tolist(), data.validation.y.tolist(), data.test.y.tolist()) == ([0, 1], [1], [0, 2])
    said = "\n".join(data.notes)
    assert f"Validation: the folder {validation}/, 1 example." in said
    assert "Classes of the training examples: a (1), b (1)." in said


def test_a_split_that_is_not_there_is_drawn_from_train(tmp_path):
    images(tmp_path, *(f"train/{i}.png" for i in range(20)), "test/x.png")
    data = read(tmp_path)
    assert [len(split) for split in (data.train, data.validation, data.test)] == [18, 2, 1]
    assert data.train.y is None
    assert any(note.startswith("Validation: 2 of the 20 training examples, drawn by seed 0") for note in data.notes)


def test_a_flat_test_folder_beside_classes_is_unlabelled(tmp_path):
    images(tmp_path, "train/a/1.png", "train/b/2.png", "val/a/3.png", "test/4.png")
    assert read(tmp_path).test.y.tolist() == [-1]


def test_training_and_testing_are_names_too(tmp_path):
    images(tmp_path, *(f"training/{i}.png" for i in range(10)), "testing/x.png")
    data = read(tmp_path)
    assert names(data.test, tmp_path) == ["testing/x.png"]
    assert data.label_names is None


def test_a_folder_that_is_no_split_is_said(tmp_path):
    images(tmp_path, "train/1.png", "train/2.png", "test/3.png", "extra/4.png", "extra/5.png")
    data = read(tmp_path)
    assert f"{tmp_path}: not used: extra/ (2 images)." in data.notes
    assert len(data.test) == 1


def test_classes_may_be_called_train_or_test(tmp_path):
    images(tmp_path, *(f"{name}/{i}.png" for name in ("bus", "car", "train") for i in range(3)))
    assert read(tmp_path).label_names == ("bus", "car", "train")


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (["val/1.png", "test/2.png"], "has test/ and val/ but no train/"),
        (["train/1.png", "val/2.png", "valid/3.png"], "has val and valid, which all name the validation split"),
        (["train/1.png", "test/2.png", "3.png"], "1 images lie in the folder and 2 in its sub-folders"),
        (["train/a/1.png", "train/2.png", "test/3.png"], "train: 1 images lie in the folder and 1 in its sub-folders"),
    ],
)
def test_folders_that_could_mean_several_things_are_refused(tmp_path, files, said):
    images(tmp_path, *files)
    with pytest.raises(UserError, match=said):
        read(tmp_path)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("splits.csv", "split, file\nval,a/2.png\ntrain,a/1.png\ntest,b/4.png\n"),
        ("splits.csv", "name,split,by\na/1.png,train,me\n./a/2.png,Validation,me\nb/4.png,test,me\n"),
        ("splits.txt", "a/1.png train\n\na/2.png  valid\nb/4.png test\n"),
    ],
)
def test_a_file_of_names(tmp_path, file, text):
    folder = tmp_path / "photos"
    images(folder, "a/1.png", "a/2.png", "b/3.png", "b/4.png")
    (tmp_path / file).write_text(text)
    data = read(folder, split=str(tmp_path / file))
    parts = [names(split, folder) for split in (data.train, data.validation, data.test)]
    assert parts == [["a/1.png"], ["a/2.png"], ["b/4.png"]]
    assert data.label_names == ("a", "b")
    assert f"{folder}: not used: 1 images that {file} does not name." in data.notes


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1.png train\n2.png holdout\n", "data.split: .*got 'holdout', expected train, val"),
        ("1.png train\n3.pmg test\n", r"3\.pmg is not an image in .* \(did you mean 3\.png\?\)"),
        ("1.png train\n1.png test\n", r"names 1\.png more than once"),
        ("1.png test\n", "no example is in train"),
        ("1.png\n", "a line is '1.png'"),
        ("name,split\n1.png,train,more\n", "row 2 has 3 values, expected 2"),
        ("name,split\n1.png\n", "row 2 has 1 values, expected 2"),
        ("picture,split\n1.png,train\n", r"has columns picture, split; expected name \(or file\) and split"),
        ('name,split\n"1.png,train\n', "is not CSV"),
        ("name,split\n", "no example is in train"),
    ],
)
def test_a_file_of_names_that_cannot_be_used(tmp_path, text, said):
    images(tmp_path, "1.png", "2.png", "3.png")
    file = tmp_path / ("splits.csv" if "," in text else "splits.txt")
    file.write_text(text)
    with pytest.raises(UserError, match=said):
        read(tmp_path, split=str(file))


def test_a_file_of_names_may_name_an_image_that_is_skipped(tmp_path):
    images(tmp_path, *(f"{i}.png" for i in range(4)))
    (tmp_path / "2.png").write_bytes(b"broken")
    (tmp_path / "splits.txt").write_text("0.png train\n1.png val\n2.png train\n3.png test\n")
    data = read(tmp_path, split=str(tmp_path / "splits.txt"), on_bad="skip")
    assert names(data.train, tmp_path) == ["0.png"]
    assert names(data.test, tmp_path) == ["3.png"]


@pytest.mark.parametrize(("name", "said"), [("", "is a folder"), ("no.csv", r"no\.csv does not exist")])
def test_a_file_of_names_that_is_not_there(tmp_path, name, said):
    images(tmp_path, "1.png", "2.png", "3.png")
    with pytest.raises(UserError, match=rf"data\.split: .*{said}"):
        read(tmp_path, split=str(tmp_path / name))


def table(folder, *rows, header="a,fold,who"):
    path = folder / "rows.csv"
    path.write_text("\n".join([header, *rows]))
    return str(path)


def test_a_column_of_splits(tmp_path):
    rows = ["1,train,x", "2,VAL,y", "3,test,z", "4,train,x", "5,valid,x"]
    data = load.load(Csv(path=table(tmp_path, *rows), split="fold", label="who"), seed=0)
    parts = [split.x[:, 0].tolist() for split in (data.train, data.validation, data.test)]
    assert parts == [[1, 4], [2, 5], [3]]
    assert data.feature_names == ("a",)
    assert "Test: rows with test in column fold, 1 example." in data.notes


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"split": "fold"},
            r"data.split: .*column 'fold': got 'holdout', expected train, val \(or valid, validation\)",
        ),
        ({"split": "folds"}, r"data.split: .*no column 'folds' \(did you mean fold\?\)"),
        ({"group": "whom"}, r"data.group: .*no column 'whom' \(did you mean who\?\)"),
        ({"split": "fold", "group": "fold"}, "data.group: fold is the column of data.split already"),
        ({"attributes": ("a",), "group": "a"}, r"a is the column of groups \(data.group\)"),
    ],
)
def test_columns_that_cannot_be(tmp_path, settings, said):
    with pytest.raises(UserError, match=said):
        load.load(Csv(path=table(tmp_path, "1,train,2", "3,holdout,4"), **settings), seed=0)


def test_all_rows_of_a_group_are_on_one_side(tmp_path):
    rows = [f"{i},{i % 3},machine {i // 4}" for i in range(60)]
    data = load.load(Csv(path=table(tmp_path, *rows), group="who"), seed=3)
    groups = [set((split.x[:, 0] // 4).tolist()) for split in (data.train, data.validation, data.test)]
    assert sum(map(len, groups)) == len(set.union(*groups)) == 15
    assert [len(split) for split in (data.train, data.validation, data.test)] == [44, 4, 12]
    assert "whole groups of data.group" in data.notes[0]


def test_groups_that_are_larger_than_the_fraction_or_too_few(tmp_path):
    rows = [f"{i},0,{'ab'[i % 2] if i < 8 else 'c'}" for i in range(30)]
    data = load.load(Csv(path=table(tmp_path, *rows), group="who"), seed=0)
    assert sorted(len(split) for split in (data.train, data.validation, data.test)) == [4, 4, 22]
    rows = [f"{i},0,{'ab'[i % 2]}" for i in range(30)]
    with pytest.raises(UserError, match=r"data\.group: the 2 groups are too few to split into training, validation"):
        load.load(Csv(path=table(tmp_path, *rows), group="who"), seed=0)


def test_groups_torn_by_the_users_own_split_are_refused(tmp_path):
    path = table(tmp_path, "1,train,x", "2,train,y", "3,test,y")
    with pytest.raises(UserError, match="1 groups of who have rows in more than one split of fold, such as y"):
        load.load(Csv(path=path, split="fold", group="who"), seed=0)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_stratified_splits_have_the_labels_in_equal_shares(tmp_path, seed):
    y = np.repeat([0, 1, 2], [100, 30, 10])
    np.savez(tmp_path / "x.npz", x=np.arange(140.0)[:, None], y=y)
    data = load.load(Npz(path=str(tmp_path / "x.npz"), stratify=True), seed=seed)
    counts = [np.bincount(split.y).tolist() for split in (data.test, data.validation, data.train)]
    assert counts == [[20, 6, 2], [8, 2, 1], [72, 22, 7]]
    assert sorted(np.concatenate([data.train.x, data.validation.x, data.test.x])[:, 0]) == list(range(140))


def test_stratifying_needs_labels_and_excludes_groups(tmp_path):
    path = table(tmp_path, *(f"{i},0,{i % 5}" for i in range(30)))
    with pytest.raises(UserError, match=r"data\.stratify: the data have no labels"):
        load.load(Csv(path=path, stratify=True), seed=0)
    with pytest.raises(UserError, match=r"data\.stratify: cannot be combined with data\.group"):
        load.load(Csv(path=path, stratify=True, group="who"), seed=0)


def test_identical_examples_across_splits_are_counted(tmp_path):
    x = np.arange(40.0).reshape(20, 2)
    np.savez(tmp_path / "x.npz", x_train=x, x_val=x[:1] + 100, x_test=np.concatenate([x[3:6], x[:1] + 100, x[:1] + 50]))
    notes = load.load(Npz(path=str(tmp_path / "x.npz")), seed=0).notes
    told = [note for note in notes if "identical" in note]
    assert [note.partition(",")[0] for note in told] == [
        "3 of 5 test examples are also in the training split (identical x)",
        "1 of 5 test examples is also in the validation split (identical x)",
    ]


def test_identical_files_across_splits_are_counted(tmp_path):
    images(tmp_path, *(f"train/{i}.png" for i in range(10)), "test/new.png")
    (tmp_path / "test" / "copy.png").write_bytes((tmp_path / "train" / "1.png").read_bytes())
    assert any("1 of 2 test examples is also in the " in note for note in read(tmp_path).notes)


def test_many_classes_are_said_shortly(tmp_path):
    np.savez(tmp_path / "x.npz", x=np.arange(300.0)[:, None], y=np.append(np.arange(299) % 15, -1))
    [said] = [note for note in load.load(Npz(path=str(tmp_path / "x.npz")), seed=0).notes if "Classes" in note]
    assert said.count("(") <= 12
    assert "9 (" in said
    assert "… (15 classes)" in said


@pytest.mark.parametrize("kind", [str, lambda i: 7 * i - 3])
def test_groups_of_an_array(tmp_path, kind):
    np.savez(tmp_path / "x.npz", x=np.arange(120.0).reshape(60, 2), who=np.array([kind(i // 4) for i in range(60)]))
    data = load.load(Npz(path=str(tmp_path / "x.npz"), group="who"), seed=3)
    groups = [set((split.x[:, 0] // 8).tolist()) for split in (data.train, data.validation, data.test)]
    assert sum(map(len, groups)) == len(set.union(*groups)) == 15
    assert not any("not used" in note for note in data.notes)


@pytest.mark.parametrize(
    ("group", "said"),
    [
        ("whom", r"data\.group: .* has no array 'whom' \(did you mean who\?\)"),
        ("short", r"data\.group: .*short: got labels of shape \[3\] for 20 examples"),
        ("real", r"data\.group: .*real: got 0\.5 at index 1, expected whole numbers"),
    ],
)
def test_arrays_that_are_no_groups(tmp_path, group, said):
    others = {"who": np.arange(20), "short": np.arange(3), "real": np.arange(20) / 2}
    np.savez(tmp_path / "x.npz", x=np.zeros([20, 2]), **others)
    with pytest.raises(UserError, match=said):
        load.load(Npz(path=str(tmp_path / "x.npz"), group=group), seed=0)


@pytest.mark.parametrize("ending", ["txt", "csv"])
def test_groups_of_images(tmp_path, ending):
    folder = tmp_path / "images"
    files = [f"{i:02}.png" for i in range(40)]
    images(folder, *files)
    joint, head = {"txt": (" ", ""), "csv": (",", "file,group\n")}[ending]
    named = tmp_path / f"groups.{ending}"
    named.write_text(head + "".join(f"{file}{joint}patient{i // 4}\n" for i, file in enumerate(files)))
    data = read(folder, group=str(named))
    groups = [
        {int(name[:2]) // 4 for name in names(split, folder)} for split in (data.train, data.validation, data.test)
    ]
    assert sum(map(len, groups)) == len(set.union(*groups)) == 10
    named.write_text(head + "".join(f"{file}{joint}patient\n" for file in files[1:]))
    with pytest.raises(UserError, match=r"data\.group: .* names no group for 1 of the images, such as 00\.png"):
        read(folder, group=str(named))
