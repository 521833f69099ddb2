"""Tables of rows: what their columns become, what is learnt from training rows alone, and predictions of other rows."""

import csv
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import passes_under_jax

from lab import command, names, predict, run
from lab.datasets import opened
from lab.errors import BadInput
from lab.inputs.columns import Table, learnt, read
from lab.inputs.scaling import REACH, standardizing
from lab.records import store
from lab.records.original_data import reread
from lab.runs.setup import inputs_of
from lab.runs.spec import Run, resolve

HEAD = "user_id,age,plan,zip,note,city,y"


def rows(count=120, seed=0):
    """Rows of a table that has every kind of column; the class goes with age and plan."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "user_id": [f"u{i}" for i in range(count)],
            "age": rng.normal(40, 12, count).round(1).astype(str),
            "plan": rng.choice(["basic", "pro", ""], count),
            "zip": rng.choice(["10", "20", "30"], count),
            "note": [f"said {i}" for i in range(count)],
            "constant": ["same"] * count,
            "line": [str(7 + i) for i in range(count)],
            "income": rng.lognormal(8, 1, count).round().astype(str),
        }
    )
    score = (frame["age"].astype(float) - 40) / 12 + 1.5 * (frame["plan"] == "pro") + rng.normal(0, 0.3, count)
    frame["y"] = np.where(score > 0.5, "leaves", "stays")
    frame.loc[::9, "age"] = "?"
    return frame


@pytest.fixture
def file(tmp_path):
    rows().to_csv(tmp_path / "t.csv", index=False)
    return tmp_path / "t.csv"


def load(file, target="y", **more):
    dataset, place = opened(f"csv:{file}", None)
    return type(dataset)(target=target, **more).load(place)


def made(training, **more):
    """The table that these rows, {column: words}, make, and what is left out."""
    frame = pd.DataFrame(training, dtype=str)
    return learnt("y", frame, ("y",), more.get("categories", ()), "t.csv")


def written(tmp_path, text, name="t.csv"):
    (tmp_path / name).write_text(text)
    return tmp_path / name


# What columns become


def test_words_become_a_column_each_a_missing_one_too_and_an_unseen_one_is_nothing():
    table, _ = made({"plan": ["pro", "", "basic", "pro"]})
    assert [b.name for b in table.bands] == ["plan=", "plan=basic", "plan=pro"]
    found = table.encoded(pd.DataFrame({"plan": ["", "pro", "gold"]}, dtype=str), "x")
    assert found.shape == (3, 1, 1, 3) and found.dtype == np.float32
    assert found[:, 0, 0].tolist() == [[1, 0, 0], [0, 0, 1], [0, 0, 0]]


@pytest.mark.parametrize("nothing", ["", "?", "NA", "n/a", "NaN", "null", "inf", "1e999"])
def test_a_missing_number_is_nan_and_has_a_column_that_says_so(nothing):
    table, _ = made({"age": ["1", nothing, "2.5"]})
    assert [b.name for b in table.bands] == ["age", "age missing"]
    found = table.encoded(pd.DataFrame({"age": ["-3e2", nothing]}, dtype=str), "x")[:, 0, 0]
    assert found[0].tolist() == [-300, 0] and np.isnan(found[1, 0]) and found[1, 1] == 1


def test_where_training_lacks_no_number_there_is_no_such_column():
    table, _ = made({"age": ["1", "3"]})
    assert [b.name for b in table.bands] == ["age"]
    assert np.isnan(table.encoded(pd.DataFrame({"age": [""]}, dtype=str), "x")).all()


def test_numbers_are_words_where_the_user_says_so():
    table, left_out = made({"zip": ["20", "10", "20"], "plan_id": ["1", "2", "1"]}, categories=("zip", "plan_id"))
    assert [b.name for b in table.bands] == ["zip=10", "zip=20", "plan_id=1", "plan_id=2"] and not left_out


def test_what_names_rows_or_says_nothing_is_left_out_and_the_source_says_why(file):
    data = load(file)
    kept = {"age", "age missing", "plan=", "plan=basic", "plan=pro", "zip", "income"}
    assert {b.name for b in data.bands} == kept and data.shape == (1, 1, len(kept))
    for words in ("user_id (an id)", "note (83 different words", "constant (one value", "line (a number of the row)"):
        assert words in data.source


@pytest.mark.parametrize("name", ["id", "ID", "Id", "PassengerId", "customerID", "user_id", "User ID", "Unnamed: 0"])
def test_an_id_is_never_a_feature(name):
    assert made({name: ["5", "9", "5"], "x": ["1", "2", "4"]})[1] == {name: "an id"}


@pytest.mark.parametrize("name", ["paid", "humid", "Acid", "idle", "width"])
def test_a_word_that_ends_alike_is_no_id(name):
    assert not made({name: ["5", "9", "5"]})[1]


# What is learnt, and from which rows


def test_nothing_is_learnt_from_rows_that_are_not_for_training(tmp_path):
    frame = rows()
    frame["split"] = np.resize(["train", "train", "val", "test"], len(frame))
    other = frame.copy()
    away = other["split"] != "train"
    other.loc[away, "age"] = "1000000"
    other.loc[away, "plan"] = [f"new {i}" for i in range(away.sum())]
    other.loc[away, "income"] = ""
    found = []
    for part, name in ((frame, "a.csv"), (other, "b.csv")):
        part.to_csv(tmp_path / name, index=False)
        data = load(tmp_path / name)
        found.append((data.table, standardizing(data.train, data.bands, range(data.shape[-1]))))
        assert [len(s) for s in data.splits().values()] == [60, 30, 30]
    assert found[0] == found[1]


def test_numbers_are_standardised_what_is_missing_is_the_median_and_0_and_1_stay(file):
    import keras

    from lab.networks.net import Net, to_numpy

    data = load(file)
    resolved = resolve(Run(strategy="scratch", dataset=f"csv:{file}", target="y"), Path())
    inputs = inputs_of(resolved, data)
    shape = (1, 1, len(inputs["bands"]))
    net = Net(resolved.backbone, shape, resolved.head, 2, **inputs)
    rows = data.train.images.reshape(len(data.train), -1)
    features = to_numpy(net.features(net.sized(data.train.images)))
    assert features.shape == rows.shape and net.parts.all == net.parts.stage("head")
    for i, band in enumerate(data.bands):
        values, is_known = rows[:, i], ~np.isnan(rows[:, i])
        known = values[is_known].astype("float64")
        if set(known) <= {0.0, 1.0}:
            np.testing.assert_allclose(features[:, i], values, atol=1e-5)
            continue
        np.testing.assert_allclose(features[is_known, i], (known - known.mean()) / known.std(), atol=1e-4)
        median = (np.median(known) - known.mean()) / known.std()
        np.testing.assert_allclose(features[~is_known, i], median, atol=1e-4)
        assert band.name != "age" or (~is_known).any()
    far = data.test.images.copy()
    far[:, 0, 0, 0] = 1e9
    assert np.allclose(keras.ops.max(net.features(net.sized(far))), REACH)


def test_splits_are_those_of_the_column_or_drawn_by_class_and_always_the_same(file):
    data, again = load(file), load(file)
    assert data.digest == again.digest
    counts = {name: np.bincount(s.labels) for name, s in data.splits().items()}
    total = sum(counts.values())
    assert np.abs(counts["train"] - 0.7 * total).max() <= 1 and np.abs(counts["test"] - 0.15 * total).max() <= 1


def test_a_separator_a_mark_of_order_and_parquet_make_no_difference(tmp_path, file):
    data, frame = load(file), rows()
    frame.to_csv(tmp_path / "semicolons.csv", index=False, sep=";", encoding="utf-8-sig")
    frame.to_csv(tmp_path / "tabs.tsv", index=False, sep="\t")
    typed = frame.assign(age=pd.to_numeric(frame["age"], errors="coerce"), zip=frame["zip"].astype(int))
    typed.assign(plan=typed["plan"].where(typed["plan"] != "")).to_parquet(tmp_path / "typed.parquet")
    for name in ("semicolons.csv", "tabs.tsv", "typed.parquet"):
        assert load(tmp_path / name).digest == data.digest and load(tmp_path / name).table == data.table


def test_numbers_of_classes_are_in_their_order(tmp_path):
    text = "x,y\n" + "".join(f"{i * 3 % 7},{(10, 9, -1)[i % 3]}\n" for i in range(60))
    assert load(written(tmp_path, text)).classes == ("-1", "9", "10")


def test_the_file_and_the_target_are_what_identifies_the_data(tmp_path, file):
    def digest(place, **more):
        return resolve(Run(strategy="scratch", dataset=f"csv:{place}", target="y", **more), Path()).digest

    (tmp_path / "copy.csv").write_bytes(file.read_bytes())
    assert digest(file) == digest(tmp_path / "copy.csv")
    written(tmp_path, file.read_text().replace("pro", "Pro"), "other.csv")
    assert digest(file) != digest(tmp_path / "other.csv")
    by_zip = resolve(Run(strategy="scratch", dataset=f"csv:{file}", target="zip"), Path())
    assert digest(file) != by_zip.digest


# Refusals


@pytest.mark.parametrize(
    ("text", "target", "said"),
    [
        ("a,b\n1,2\n", None, "t.csv has the columns a, b; give the one that is to be predicted: --target NAME"),
        ("age,churned\n1,2\n", "Churn", "did you mean churned? it has age, churned"),
        ("a,y\n1,x\n2,\n3,\n", "y", "2 rows have no y, the first in line 3"),
        ("a,y\n" + "".join(f"1,{i / 10}\n" for i in range(60)), "y", "60 different numbers"),
        ("id,y\n" + "1,x\n2,z\n" * 9, "y", "no column to predict y from (id: an id)"),
        ("a,split,y\n1,train,x\n2,best,z\n", "y", "line 3 has the split 'best'"),
        ("a,y\n1,x\n2,z,9\n", "y", "cannot be read as a table"),
        ("a,y\n1,x,9\n2,z,9\n", "y", "cannot be read as a table"),
        ("a,a ,y\n1,1,x\n", "y", "two columns 'a'"),
        ("a,y\n", "y", "has no row"),
        ("", "y", "cannot be read as a table"),
        ("a missing,a,y\n" + "1,,x\n2,5,z\n3,6,z\n" * 9, "y", "two columns would be called 'a missing'"),
        ("a,split,y\n1,train,x\n5,train,z\nword,val,x\n3,test,z\n", "y", "line 4: a is 'word', and a number"),
    ],
)
def test_a_table_that_cannot_be_learnt_from_is_refused_in_one_line(tmp_path, text, target, said):
    with pytest.raises(BadInput) as error:
        load(written(tmp_path, text), target)
    assert said in str(error.value) and "\n" not in str(error.value)


def test_bytes_that_are_no_text_are_no_table(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"a,y\n\xff\xfe,1\n")
    (tmp_path / "t.parquet").write_bytes(b"a,y\n1,1\n")
    for name in ("t.csv", "t.parquet", "none.csv", "t.txt"):
        with pytest.raises(BadInput, match=r"cannot be read as a table|no such table"):
            read(tmp_path / name)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"backbone": "cnn10"}, "is a table: use --backbone columns"),
        ({"augment": "light"}, "--augment light is for images"),
        ({"contrast": "standardize"}, "--contrast standardize is for images"),
        ({"channels": "inflate"}, "--channels inflate is for images"),
        ({"weights": "imagenet"}, "--weights imagenet is for images"),
        ({"size": 32}, "--size 32 is for images"),
        ({"group": "a"}, "--group is for image files"),
        ({"strategy": "frozen"}, "source's own classifier"),
        ({"task": "segmentation"}, "--task segmentation"),
        ({"data_dir": "here"}, "leave out --data-dir"),
        ({"dataset": "digits"}, "--target is for a CSV"),
        ({"dataset": "digits", "target": None, "backbone": "columns"}, "takes the rows of a table"),
        ({"bands": "agee"}, "did you mean age?"),
    ],
)
def test_choices_for_images_are_refused_for_tables_and_the_other_way_round(file, change, said):
    with pytest.raises(BadInput) as error:
        resolve(Run(**{"strategy": "scratch", "dataset": f"csv:{file}", "target": "y", **change}), Path())
    assert said in str(error.value) and "\n" not in str(error.value)


def test_what_is_left_out_is_what_a_table_takes(file):
    found = resolve(Run(dataset=f"csv:{file}", target="y"), Path()).choices
    wanted = {"backbone": "columns", "augment": "none", "weights": "none", "size": 1, "head": "linear"}
    assert {name: found[name] for name in wanted} == wanted
    assert (
        resolve(Run(), Path()).choices["backbone"] == "cnn10" and resolve(Run(), Path()).choices["augment"] == "light"
    )


def test_the_backbone_of_tables_refuses_images():
    with pytest.raises(BadInput, match="received 3 x 2 px"):
        names.build("backbones", "columns").build((2, 3, 5))


@pytest.mark.parametrize("what", ["audit", "verify", "show"])
def test_what_looks_at_images_refuses_tables(file, what, tmp_path, capsys):
    from lab.data.__main__ import main

    assert command.call(main, [what, f"csv:{file}", "--target", "y", "--to", str(tmp_path / "x")]) == 2
    assert "is a table of rows" in capsys.readouterr().err


def test_eda_describes_the_columns_of_the_training_rows(file, tmp_path, capsys):
    from lab.data.__main__ import main

    assert command.call(main, ["eda", f"csv:{file}", "--target", "y", "--to", str(tmp_path / "x")]) == 0
    said = pd.read_csv(tmp_path / "x" / "columns.csv").set_index("column")
    images = load(file).train.images[:, 0, 0]
    age = images[:, [b.name for b in load(file).bands].index("age")].astype("float64")
    assert float(said.loc["age", "mean"]) == pytest.approx(np.nanmean(age), rel=1e-3)
    assert float(said.loc["age", "missing %"]) == pytest.approx(100 * np.isnan(age).mean(), abs=0.05)
    assert "pro" in said.loc["plan", "most frequent, %"] and "user_id (an id)" in capsys.readouterr().out


# A run, and predictions of other rows by its record


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with a finished run on a table, and the table."""
    folder = tmp_path_factory.mktemp("table")
    rows().to_csv(folder / "t.csv", index=False)
    words = ["--dataset", f"csv:{folder / 't.csv'}", "--target", "y", "--strategy", "scratch", "--epochs", "20"]
    assert command.call(run.main, [*words, "--learning-rate", "0.05", "--out", str(folder)]) == 0
    return folder


def record_of(folder):
    return store.read(folder)[0]


def asked(folder, place, *more):
    words = [record_of(folder)["name"], str(place), *map(str, more), "--out", str(folder)]
    return command.call(predict.main, words)


def test_a_run_learns_leaves_no_picture_and_names_no_folder(trained):
    record = record_of(trained)
    assert record["test"]["accuracy"] > 0.75 and not record["findings"]
    assert not (trained / "img").exists() or not list((trained / "img").glob("examples*"))
    assert str(trained) not in json.dumps(record) and "csv:t.csv" in record["command"]
    assert record["net"]["stages"] == [{"stage": "head", "stride": None, "values": 2 * 7 + 2}]


def test_a_record_reads_the_data_and_the_table_again(trained):
    record, data = record_of(trained), load(trained / "t.csv")
    assert Table.of_record(record) == data.table
    assert reread(record, str(trained / "t.csv")).digest == data.digest == record["data"]["digest"]


def test_a_record_brings_the_run_back(trained):
    from lab.runs.reproducing import resolved

    record = record_of(trained)
    assert resolved(record, trained, str(trained / "t.csv")).digest == record["digest"]


def test_predict_says_of_the_test_rows_what_the_run_said(trained, tmp_path):
    from lab.records import predictions

    record, data, frame = record_of(trained), load(trained / "t.csv"), rows()
    lines = [int(name.split()[1]) - 2 for name in data.test.ids]
    shuffled = frame.iloc[lines].drop(columns=["y", "note"])[::-1]
    shuffled[shuffled.columns[::-1]].to_csv(tmp_path / "test.csv", index=False)
    said, named = tmp_path / "all.csv", tmp_path / "answers.csv"
    assert asked(trained, tmp_path / "test.csv", "--csv", said, "--submission", named, "--id", "user_id") == 0
    labels, p = predictions.read(trained, record, "test")
    assert labels.tolist() == data.test.labels.tolist()
    found = pd.read_csv(said).set_index("user_id").loc[frame["user_id"].iloc[lines]]
    np.testing.assert_allclose(found[["p leaves", "p stays"]].to_numpy(), p, atol=2e-6)
    with named.open() as opened_file:
        head, *answers = csv.reader(opened_file)
    assert head == ["user_id", "y"]
    assert dict(answers) == dict(zip(found.index, np.array(["leaves", "stays"])[p.argmax(axis=1)], strict=True))


def test_rows_without_an_id_are_counted(trained, tmp_path):
    rows().drop(columns=["user_id", "y"]).head(3).to_csv(tmp_path / "test.csv", index=False)
    assert asked(trained, tmp_path / "test.csv", "--submission", tmp_path / "s.csv") == 0
    assert [line.split(",")[0] for line in (tmp_path / "s.csv").read_text().splitlines()] == ["id", "1", "2", "3"]
    rows().rename(columns={"user_id": "Id"}).head(3).to_csv(tmp_path / "test.csv", index=False)
    assert asked(trained, tmp_path / "test.csv", "--submission", tmp_path / "s.csv") == 0
    assert (tmp_path / "s.csv").read_text().startswith("Id,y\nu0,")


@pytest.mark.parametrize(
    ("change", "more", "said"),
    [
        (lambda f: f.drop(columns="plan"), [], "test.csv lacks the column plan; it has"),
        (lambda f: f.drop(columns=["plan", "zip"]), [], "test.csv lacks the columns plan, zip; it has"),
        (lambda f: f.assign(zip="x"), [], "test.csv line 2: zip is 'x', and a number"),
        (lambda f: f, ["--id", "nobody"], "--id 'nobody': test.csv has no such column"),
        (lambda f: f, ["--to-dir", "x"], "--to-dir is for masks"),
        (lambda f: f, ["README.md"], "rows of one table; received 2 files"),
    ],
)
def test_a_table_that_cannot_be_predicted_is_refused_in_one_line(trained, tmp_path, capsys, change, more, said):
    change(rows()).head(3).to_csv(tmp_path / "test.csv", index=False)
    assert asked(trained, tmp_path / "test.csv", *more) == 2
    said_there = capsys.readouterr().err.strip()
    assert said in said_there and "\n" not in said_there


@pytest.mark.parametrize("strategy", ["scratch", "extract", "finetune"])
@pytest.mark.parametrize("head", ["linear", "mlp(8)"])
def test_every_strategy_with_a_new_head_trains_twice_the_same(tmp_path, strategy, head):
    import keras

    from lab.networks.net import Net
    from lab.runs.execution import drive
    from lab.task import kind
    from lab.training.learner import Options
    from lab.training.trainer import Trainer

    resolved = resolve(Run(strategy=strategy, head=head, dataset="breast_cancer"), tmp_path)
    data = resolved.dataset.load(None).limited(64)
    weights = []
    for _ in range(2):
        keras.utils.set_random_seed(0)
        net = Net(resolved.backbone, data.shape, resolved.head, 2, **inputs_of(resolved, data))
        options = Options(batch_size=32, learning_rate=1e-3, seed=0)
        trainer = Trainer(net, data, kind("classification").of(data), options, tmp_path, lambda event: None)
        drive(resolved, trainer, lambda event: None)
        weights.append(net.values())
    assert all(np.array_equal(a, b) for a, b in zip(*weights, strict=True))


@pytest.mark.slow
def test_tables_under_jax(tmp_path):
    passes_under_jax(tmp_path, "standardised or trains_twice", "test_columns")
