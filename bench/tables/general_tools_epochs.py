"""Number of epochs for the other tools of `general-tools`, chosen on one development draw.

Five training images per class of draw 100, scored on 100 others of each class: no test image is looked at.
"""

from dataclasses import replace

from bench.support.data import cifar10, few_test_images
from bench.support.options import Options
from bench.support.trust import SCORED
from bench.tables.general_tools import Arm, Autogluon, Fastai, Timm, is_installed, one_by_one
from handful.core.dataset import Dataset
from handful.evaluation.statistics import summarise
from handful.reports.text_tables import format_table

FASTAI = (10, 20, 40, 80)
TIMM = (30, 60, 150)
AUTOGLUON = (20, 60)
DRAW = 100


def run(options: Options) -> None:
    """Their scores."""
    data = few_test_images(left_over(cifar10(options.folder())), 10 if options.quick else SCORED)
    tools: dict[str, Arm] = {f"fastai: {n} epochs": Fastai(n) for n in ((1,) if options.quick else FASTAI)}
    tools |= {f"timm: {n} epochs": Timm(n) for n in ((1,) if options.quick else TIMM)}
    tools |= {f"autogluon: {n} epochs": Autogluon(n) for n in ((1,) if options.quick else AUTOGLUON)}
    tools = {name: arm for name, arm in tools.items() if is_installed(name, arm)}
    results = one_by_one(tools, data, options, table="general-tools-epochs", draws=(DRAW,))
    print(format_table(summarise(results), width=100))


def left_over(data: Dataset) -> Dataset:
    """The training part alone, every second image of it in place of test images."""
    ranked = sorted(data.split("train", None).samples, key=lambda s: s.id)
    return replace(data, samples=tuple(replace(s, split=(None, "test")[i % 2]) for i, s in enumerate(ranked)))
