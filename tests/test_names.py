import sys

import pytest

from lab import names
from lab.errors import BadInput

FOLDERS = ["strategies", "backbones", "channels", "datasets", "heads", "losses", "tasks"]


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_name_in_a_folder_builds_and_is_its_own_text(folder):
    for name in names.listing(folder):
        assert str(names.build(folder, name)) == name


@pytest.mark.parametrize(("text", "said"), [
    ("class Other: pass", "has no class MyWay"), ("class MyWay(", "does not run: SyntaxError"),
])  # fmt: skip
def test_a_file_of_ones_own_that_is_none_is_named(text, said, tmp_path, monkeypatch):
    import lab.strategies

    (tmp_path / "my_way.py").write_text(text)
    monkeypatch.setattr(lab.strategies, "__path__", [*lab.strategies.__path__, str(tmp_path)])
    with pytest.raises(BadInput, match=r"lab/strategies/my_way\.py") as error:
        names.listing("strategies")
    assert said in str(error.value)
    sys.modules.pop("lab.strategies.my_way", None)


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_docstring_begins_with_a_line_fit_for_the_readme(folder):
    for name in names.listing(folder):
        line = names.summary(names.find(folder, name))
        assert line.endswith(".") and 10 < len(line) <= 110, f"{name}: {line!r}"


@pytest.mark.parametrize(
    ("folder", "text", "canonical"),
    [
        ("heads", "mlp( 512,256 ,128 )", "mlp"),
        ("heads", "mlp(64)", "mlp(64)"),
        ("heads", "mlp(64, dropout=0.5)", "mlp(64,dropout=0.5)"),
        ("heads", "linear(dropout=0)", "linear"),
        ("backbones", "MobileNetV2(alpha=0.35)", "MobileNetV2(alpha=0.35)"),
        ("backbones", "MobileNetV2(alpha=1)", "MobileNetV2"),
        ("strategies", "finetune(warmup=0.5)", "finetune(warmup=0.5)"),
        ("datasets", "signs(train=3)", "signs(train=3)"),
    ],
)
def test_text_has_one_form(folder, text, canonical):
    built = names.build(folder, text)
    assert str(built) == canonical
    assert names.build(folder, canonical) == built


@pytest.mark.parametrize(
    ("folder", "text", "said"),
    [
        ("strategies", "finetunne", "did you mean finetune"),
        ("backbones", "mobilenetv2", "did you mean MobileNetV2"),
        ("heads", "mpl", "did you mean mlp"),
        ("heads", "mlp(-3)", "from 1 to"),
        ("heads", "mlp('a')", "must be a whole number"),
        ("heads", "mlp(True)", "must be a whole number"),
        ("heads", "linear(3)", "takes dropout=0.0"),
        ("heads", "linear(drop=0.1)", "has no argument 'drop'"),
        ("heads", "linear(dropout=2)", "from 0.0 to"),
        ("heads", "linear(dropout=1e999)", "dropout must be"),
        ("heads", "__import__('os').system('true')", "not a name"),
        ("heads", "linear(dropout=open('x'))", "not a name"),
        ("heads", "linear(**{})", "not a name"),
        ("heads", "mlp(" + "1," * 5000 + ")", "not a name"),
        ("heads", "", "not a name"),
        ("heads", "linear;mlp", "not a name"),
    ],
)
def test_what_is_no_name_is_refused_in_one_line(folder, text, said):
    with pytest.raises(BadInput) as error:
        names.build(folder, text)
    assert said in str(error.value) and "\n" not in str(error.value)
