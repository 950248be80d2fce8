from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from PIL import Image

from handful.core.dataset import Dataset
from handful.data.fingerprint import fingerprint, part_fingerprints
from handful.data.load import ReadOptions, read_dataset
from handful.data.readers.table import read_table
from handful.errors import DataError, HandfulWarning
from tests.data.noise_images import save_noise_image


def _table(folder: Path, text: str, name: str = "table.csv") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def _labels(data: Dataset) -> list[str | None]:
    return [None if s.label is None else data.classes[s.label] for s in data.samples]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    for i, name in enumerate("abcd"):
        save_noise_image(root / f"img/{name}.png", i)
    mask = np.zeros((6, 8), np.uint8)
    mask[2:4, 3:5] = 255
    (root / "mask").mkdir()
    Image.fromarray(mask).save(root / "mask/a.png")
    return root


def test_every_column(folder: Path) -> None:
    text = "path,label,mask,group,split\nimg/b.png,dog,,p1,train\nimg/a.png,cat,mask/a.png,p2,Test\nimg/c.png,,,,\n"
    data = read_table(_table(folder, text))
    assert data.classes == ("cat", "dog")
    assert data.ids == ("img/b.png", "img/a.png", "img/c.png")
    assert _labels(data) == ["dog", "cat", None]
    assert [s.group for s in data.samples] == ["p1", "p2", None]
    assert [s.split for s in data.samples] == ["train", "test", None]
    mask = data.samples[1].mask
    assert mask is not None
    assert (mask.shape, int(mask.sum())) == ((6, 8), 4)
    assert [s.mask_source for s in data.samples] == [None, "hand", None]


def test_path_alone_is_a_set_of_unlabelled_images(folder: Path) -> None:
    data = read_table(_table(folder, "path\nimg/a.png\n"))
    assert (data.classes, data.labels.tolist()) == ((), [-1])


def test_tab_separated_with_a_byte_order_mark_and_spaces(folder: Path) -> None:
    text = "\ufeffpath\tlabel \nimg/a.png\t cat \n\nimg/b.png\n"
    assert _labels(read_table(_table(folder, text, "t.tsv"))) == ["cat", None]


def test_labels_are_text_as_written(folder: Path) -> None:
    text = 'path,label\nimg/a.png,NA\nimg/b.png,007\nimg/c.png,None\nimg/d.png,"a, b"\n'
    with pytest.warns(HandfulWarning, match=r"'NA' \(1 image\) and 'None' \(1 image\) are classes here"):
        assert _labels(read_table(_table(folder, text))) == ["NA", "007", "None", "a, b"]


@pytest.mark.parametrize("values", [[1, None], [1.0, None], ["1", ""], [1.0, float("nan")]])
def test_parquet(folder: Path, values: list[object]) -> None:
    columns = {"path": ["img/a.png", "img/b.png"], "label": values}
    pyarrow.parquet.write_table(pyarrow.table(columns), folder / "t.parquet")
    data = read_table(folder / "t.parquet")
    assert _labels(data) == ["1", None]


def test_own_column_names(folder: Path) -> None:
    path = _table(folder, "file,species,label\nimg/a.png,owl,ignored\n")
    assert _labels(read_table(path, columns={"path": "file", "label": "species"})) == ["owl"]
    with pytest.raises(DataError, match=r"table\.csv: no column 'genus'; columns are file(.|\n)*label"):
        read_table(path, columns={"path": "file", "label": "genus"})
    with pytest.raises(DataError, match=r"unknown column role 'lable'(.|\n)*'label'"):
        read_table(path, columns={"lable": "species"})


def test_outside_paths_are_refused_unless_allowed(folder: Path) -> None:
    outside = save_noise_image(folder.parent / "secret/x.png")
    for name in ("../secret/x.png", "img/../../secret/x.png", str(outside)):
        path = _table(folder, f"path,label\nimg/a.png,cat\n{name},dog\n")
        with pytest.raises(DataError, match=r"table\.csv, line 3: .*x\.png leads out(.|\n)*allow_outside=True"):
            read_table(path)
        assert len(read_table(path, allow_outside=True)) == 2
    (folder / "link").symlink_to(folder.parent / "secret")
    with pytest.raises(DataError, match=r"link/x\.png leads out"):
        read_table(_table(folder, "path\nlink/x.png\n"))
    with pytest.raises(DataError, match=r"the mask path \.\./secret/x\.png leads out"):
        read_table(_table(folder, "path,mask\nimg/a.png,../secret/x.png\n"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"no column 'path'; columns are none(.|\n)*header"),
        ("path,label\n", r"no rows(.|\n)*one image per row"),
        ("file,label\nimg/a.png,cat\n", r"no column 'path'; columns are file, label(.|\n)*columns="),
        ("path:label\nimg/a.png:cat\n", r"no column 'path'; columns are path:label(.|\n)*add it"),
        (
            "file;label\nimg/a.png;cat\n",
            r"columns are file;label(.|\n)*separate the columns by commas",
        ),
        ("path,label\nimg/a\0.png,cat\n", r"line 2: the image path 'img/a\\x00\.png' has a NUL"),
        ("path,label\nhttps://x.org/a.png,cat\n", r"line 2: .* is an address(.|\n)*download"),
        ("path,label\nC:\\img\\a.png,cat\n", r"line 2: .* absolute path of Windows(.|\n)*relative"),
        ("path,label\nC:/img/a.png,cat\n", r"line 2: .* absolute path of Windows"),
        ("path,label\n\\\\nas\\a.png,cat\n", r"line 2: .* absolute path of Windows"),
        ("path,label\nimg\\gone.png,cat\n", r"no such image: img/gone\.png"),
        ("path,label\nimg/A.PNG,cat\n", r"no such image: img/A\.PNG(.|\n)*did you mean img/a\.png\?"),
        ("path,label\nimg,cat\n", r"line 2: the image path img is a folder"),
        (f"path,label\n{300 * 'a'},cat\n", r"line 2: no such image: a+"),
        ("path,label\nimg/gone.png,cat\n", r"line 2: no such image: img/gone\.png(.|\n)*relative to the table"),
        ("path,label\n,cat\n", r"line 2: the image path is empty(.|\n)*remove the row"),
        ("path,mask\nimg/a.png,mask/gone.png\n", r"line 2: no such mask: mask/gone\.png"),
        ("path,label\nimg/a.png,cat\nimg/../img/a.png,dog\n", r"line 3: .*listed twice(.|\n)*line 2"),
        ("path,split\nimg/a.png,tset\n", r"line 2: unknown split 'tset'(.|\n)*'test'"),
        ("path,label\nimg/a.png,cat,what\n", r"line 2: the row has 3 cells, the header 2(.|\n)*quote cells"),
        ('path,label\nimg/a.png,"cat\n', r"cannot be read(.|\n)*save it again"),
    ],
)
def test_bad_tables_name_the_row_and_the_remedy(folder: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=rf"table\.csv(.|\n)*{message}"):
        read_table(_table(folder, text))


def test_unreadable_tables_are_named(folder: Path) -> None:
    (folder / "t.csv").write_bytes("path,label\nimg/a.png,café\n".encode("cp1252"))
    (folder / "t.parquet").write_bytes(b"no parquet")
    with pytest.raises(DataError, match=r"t\.csv: the table is not UTF-8(.|\n)*Excel(.|\n)*CSV UTF-8"):
        read_table(folder / "t.csv")
    with pytest.raises(DataError, match=r"t\.parquet: the table cannot be read(.|\n)*UTF-8"):
        read_table(folder / "t.parquet")
    with pytest.raises(DataError, match=r"gone\.csv: no such file"):
        read_table(folder / "gone.csv")


def test_a_label_outside_the_classes_is_named(folder: Path) -> None:
    path = _table(folder, "path,label\nimg/a.png,cat\nimg/b.png,dgo\n")
    with pytest.raises(DataError, match=r"line 3: the label 'dgo' is not one of the 2 classes(.|\n)*'dog'"):
        read_table(path, classes=["dog", "cat"])
    with pytest.raises(DataError, match="'dog' is listed twice"):
        read_table(path, classes=["dog", "dog"])


def test_a_mask_of_another_size_is_named(folder: Path) -> None:
    Image.fromarray(np.eye(5, dtype=np.uint8) * 255).save(folder / "mask/small.png")
    with pytest.raises(DataError, match=r"line 2, mask/small\.png: .*5x5.*6x8(.|\n)*Remedy"):
        read_table(_table(folder, "path,mask\nimg/a.png,mask/small.png\n"))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize(
    ("separator", "name"), [(";", "t.csv"), ("\t", "t.CSV"), ("|", "t.csv"), (",", "t.tsv"), (";", "t.TSV")]
)
def test_separators_and_encodings_of_spreadsheets(folder: Path, separator: str, name: str, encoding: str) -> None:
    text = f"path{separator}label\r\nimg/a.png{separator}café\r\n"
    (folder / name).write_bytes(text.encode(encoding))
    assert _labels(read_table(folder / name)) == ["café"]


def test_a_header_may_differ_in_case(folder: Path) -> None:
    assert _labels(read_table(_table(folder, "Path,LABEL\nimg/a.png,cat\n"))) == ["cat"]


def test_columns_beside_a_missing_label_are_recorded(folder: Path) -> None:
    left_out = read_table(_table(folder, "path,species,age\nimg/a.png,cat,3\n")).left_out
    assert [(item.paths, "label" in item.remedy) for item in left_out] == [(("species", "age"), True)]
    assert read_table(_table(folder, "path,label,age\nimg/a.png,cat,3\n")).left_out == ()


def test_paths_as_other_systems_write_them(folder: Path) -> None:
    save_noise_image(folder / "im/cafe\u0301.v2.jpg", 7)
    save_noise_image(folder / "im/e\u0301te\u0301/1.JPG", 8)
    text = "path,mask\nimg\\a.png,mask\\a.png\nimg/b,\n img/c.png ,\nim/caf\u00e9.v2,\nim/\u00e9t\u00e9/1.JPG,\n"
    data = read_table(_table(folder, text))
    assert data.ids == ("img/a.png", "img/b", "img/c.png", "im/caf\u00e9.v2", "im/\u00e9t\u00e9/1.JPG")
    assert len({s.image for s in data.samples}) == 5
    assert data.samples[0].mask is not None
    save_noise_image(folder / "img/b.jpg", 7)
    with pytest.raises(DataError, match=r"line 3: .* img/b fits several files \(b\.jpg, b\.png\)(.|\n)*ending"):
        read_table(folder / "table.csv")
    with pytest.raises(DataError, match=r"leads out"):
        read_table(_table(folder, "path\nimg\\..\\..\\root2\\a.png\n"))


def test_blanks_of_names_stay_where_they_are_the_only_difference(folder: Path) -> None:
    save_noise_image(folder / " d/a.png", 5)
    text = "path,label\n d/a.png, dog\nimg/a.png,cat\nimg/b.png,cat\n"
    with pytest.warns(HandfulWarning, match="the class ' dog' has blanks at an end"):
        assert _labels(read_table(_table(folder, text))) == [" dog", "cat", "cat"]
    with pytest.warns(HandfulWarning, match="'cat ' and 'cat' are read as one class"):
        assert _labels(read_table(_table(folder, "path,label\nimg/a.png,cat \nimg/b.png,cat\n"))) == ["cat"] * 2
    assert _labels(read_table(_table(folder, "path, label\nimg/a.png, cat\nimg/b.png, dog\n"))) == ["cat", "dog"]


def test_minus_one_in_a_table_is_no_label(folder: Path) -> None:
    with pytest.warns(HandfulWarning, match=r"table\.csv: 1 label is -1"):
        data = read_table(_table(folder, "path,label\nimg/a.png,-1\nimg/b.png,0\nimg/c.png,1\n"))
    assert _labels(data) == [None, "0", "1"]


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (pyarrow.array([b"cat", b"dog"]), ["cat", "dog"]),
        (pyarrow.array([["cat"], ["dog"]]), ["cat", "dog"]),
        (pyarrow.array([[0, 1], [1, 0]]), ["1", "0"]),
        (pyarrow.array(["cat", "dog"]).dictionary_encode(), ["cat", "dog"]),
        (pyarrow.array([True, False]), ["True", "False"]),
    ],
)
def test_labels_of_parquet_in_every_form(folder: Path, labels: pyarrow.Array, names: list[str]) -> None:
    other = pyarrow.array([[1.0, 2.0], [3.0, 4.0]])  # a column that no role names is not read
    table = pyarrow.table({"path": ["img/a.png", "img/b.png"], "label": labels, "embedding": other})
    pyarrow.parquet.write_table(table, folder / "t.PARQUET")
    assert _labels(read_table(folder / "t.PARQUET")) == names


def test_rows_that_cannot_be_used_are_left_out_on_request(folder: Path) -> None:
    errors: list[tuple[str, DataError]] = []
    text = "path,label\nimg/a.png,cat\nimg\\gone.png,cat\nimg/b.png,owl\n"
    data = read_table(_table(folder, text), classes=["cat"], on_error=lambda name, error: errors.append((name, error)))
    assert data.ids == ("img/a.png",)
    assert [(name, error.what) for name, error in errors] == [
        ("img/gone.png", "no such image: img/gone.png"),
        ("img/b.png", "the label 'owl' is not one of the 1 classes"),
    ]


def test_images_without_a_folder_are_read_from_below_the_table_and_one_note_says_so(folder: Path) -> None:
    for i, name in enumerate(("leaf/fresh/1478.jpg", "img/c.png", "img/d.png", "old/leaf/d.png")):
        save_noise_image(folder / name, i)
    with pytest.warns(HandfulWarning) as caught:
        data = read_table(_table(folder, "path,label\nc,cat\nd.png,dog\n1478,dog\n"))
    assert data.ids == ("c", "d.png", "1478")
    paths = [s.image.relative_to(folder).as_posix() for s in data.samples if isinstance(s.image, Path)]
    assert paths == ["img/c.png", "img/d.png", "leaf/fresh/1478.jpg"]
    assert [str(w.message) for w in caught] == [
        f"{folder / 'table.csv'}: 3 paths name no folder; images below the table's folder are read: c is img/c.png"
    ]


def test_an_image_without_a_folder_must_be_there_once_and_no_deeper_than_two_levels(folder: Path) -> None:
    for name in ("img/e.png", "other/e.jpg", "one/two/three/deep.png"):
        save_noise_image(folder / name, 5)
    with pytest.raises(
        DataError, match=r"e names no folder, and fits several files \(img/e\.png, other/e\.jpg\)(.|\n)*its folder"
    ):
        read_table(_table(folder, "path,label\ne,cat\n"))
    with pytest.raises(DataError, match=r"no such image: deep"):
        read_table(_table(folder, "path,label\ndeep,cat\n"))


def test_a_link_below_the_table_does_not_lead_out_of_its_folder(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    secret = tmp_path_factory.mktemp("secret")
    save_noise_image(secret / "x.png")
    (folder / "linked").symlink_to(secret)
    with pytest.raises(DataError, match="leads out of the table's folder"):
        read_table(_table(folder, "path,label\nx,cat\n"))


@pytest.mark.parametrize("name", ["labels.xlsx", "labels.ods", "labels.csv", "labels.tsv"])
@pytest.mark.parametrize("start", [b"PK\x03\x04" + 40 * b"\0", b"\xd0\xcf\x11\xe0" + 40 * b"\0"])
def test_a_spreadsheet_is_told_to_be_saved_as_csv_and_its_bytes_are_not_shown(
    folder: Path, name: str, start: bytes
) -> None:
    (folder / name).write_bytes(start)
    with pytest.raises(
        DataError, match=r"spreadsheet(.|\n)*save it as CSV: in Excel as the type 'CSV UTF-8'"
    ) as caught:
        read_dataset(folder / name, ReadOptions())
    assert str(caught.value).isascii()


def test_other_binary_files_with_the_ending_of_a_table_are_named(folder: Path) -> None:
    (folder / "t.csv").write_bytes(b"PAR1" + 20 * b"\0")
    with pytest.raises(DataError, match=r"this is Parquet data, not text"):
        read_table(folder / "t.csv")


def test_a_text_file_is_a_table(folder: Path) -> None:
    (folder / "t.txt").write_text("path;label\nimg/a.png;cat\n")
    assert _labels(read_dataset(folder / "t.txt", ReadOptions())) == ["cat"]


def test_long_and_unprintable_headers_are_shortened_and_named_once(folder: Path) -> None:
    names = ",".join([f"column {i}" for i in range(30)] + ["x" * 100])
    with pytest.raises(DataError) as caught:
        read_table(_table(folder, f"a\x07b,{names}\n"))
    assert r"columns are a\x07b, column 0" in caught.value.what
    assert caught.value.what.endswith("and 12 more")
    assert "column 0" not in caught.value.remedy


def test_words_beside_an_image_are_read_from_the_column_that_is_named_for_them(folder: Path) -> None:
    path = _table(folder, "path,label,text\nimg/a.png,cat, a sleeping cat \nimg/b.png,dog,\n")
    named = read_table(path, columns={"text": "text"})
    assert [s.text for s in named.samples] == ["a sleeping cat", None]
    plain = read_table(path)
    assert [s.text for s in plain.samples] == [None, None]
    assert fingerprint(named) != fingerprint(plain)
    assert part_fingerprints(named)["labels"] != part_fingerprints(plain)["labels"]
    assert named.without_labels().samples[0].text is None
    with pytest.raises(DataError, match="caption"):
        read_table(path, columns={"text": "caption"})
