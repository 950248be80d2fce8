"""Regions of a mask: connected pieces, and clusters of the cells' embeddings."""

import numpy as np

from handful.data.masks.regions import connected_pieces, number_regions


def test_connected_pieces_are_numbered_from_the_largest_on() -> None:
    mask = np.zeros((8, 12), dtype=bool)
    mask[1:3, 1:3], mask[4:8, 5:11], mask[0, 11] = True, True, True
    numbers = number_regions(mask)
    assert [(numbers == i).sum() for i in (1, 2, 3)] == [24, 4, 1]
    assert (numbers > 0).tolist() == mask.tolist()
    assert number_regions(mask, smallest=4).max() == 2
    assert number_regions(np.zeros((3, 3), bool)).max() == 0


def test_objects_that_touch_are_told_apart_by_their_embeddings() -> None:
    mask = np.zeros((32, 32), dtype=bool)
    mask[8:24, 4:28] = True
    embedding = np.zeros((2, 8, 8), dtype=np.float32)
    embedding[0, :, 4:] = 3.0
    assert number_regions(mask).max() == 1
    numbers = number_regions(mask, embedding)
    assert numbers.max() == 2
    assert len(np.unique(numbers[8:24, 4:16])) == len(np.unique(numbers[8:24, 16:28])) == 1


def test_pixels_of_no_cluster_are_in_no_region() -> None:
    mask = np.zeros((32, 32), dtype=bool)
    mask[:2, :2] = True  # four pixels of one cell, where a cluster has forty
    assert number_regions(mask, np.zeros((2, 8, 8), np.float32)).max() == 0


def test_pieces_of_one_label_are_separate_and_other_labels_touch_them() -> None:
    labels = np.array([[2, 0, 2, 1], [2, 0, -1, 1]])
    assert connected_pieces(labels).tolist() == [[2, 0, 3, 1], [2, 0, 0, 1]]
