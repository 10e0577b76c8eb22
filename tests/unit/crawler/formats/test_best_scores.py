"""The best score of a run, which each of its checkpoints repeats, is said of the checkpoint that reached it."""

import pytest

from crawler.formats.best_scores import best_is_own


@pytest.mark.parametrize(
    ("name", "values", "file_name", "epoch", "is_own"),
    [
        ("val_loss", {}, "last.pt", None, True),
        ("best_acc", {}, "net.pt", 12, True),
        ("best_acc", {}, "model_best.pth.tar", None, True),
        ("best_acc", {}, "last.pt", None, False),
        ("_best_ema", {}, "checkpoint_final.pth", 1000, False),
        ("_best_ema", {}, "checkpoint_best.pth", 640, True),
        ("best_acc", {}, "net_epoch_12.pth", None, False),
        ("best_acc", {"best_epoch": 12}, "net_epoch_12.pth", None, True),
        ("best_acc", {"best_epoch": 9}, "net.pt", 12, False),
        ("best_valid_loss", {"best_valid_epoch": 29, "best_train_epoch": 30}, "epoch-30.pt", None, False),
        ("best_train_loss", {"best_valid_epoch": 29, "best_train_epoch": 30}, "epoch-30.pt", None, True),
        ("best_acc", {"best_epoch": 9}, "lastname-net.pt", None, True),
    ],
)
def test_a_best_score_belongs_to_the_checkpoint_that_reached_it(name, values, file_name, epoch, is_own):
    assert best_is_own(name, values, file_name, epoch) is is_own
