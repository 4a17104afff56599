"""Distillation: branches grade what beams score, and targets of codes are what the teacher's items add up to."""

import numpy as np
import pytest
import torch

from genrec.model.lm.vocabulary import history_prompt
from genrec.model.training.distillation import DistillationDataset, SoftTargets, Teacher, code_targets, collate
from genrec.model.training.examples import next_item_examples
from genrec.model.training.memory_saving import FLOAT32_ATTENTION
from genrec.workspace import load


def test_a_teacher_is_drawn_from_by_its_shares():
    targets = SoftTargets(
        rows_TK=np.array([[5, 2]] * 2000, np.int32), shares_TK=np.array([[0.7, 0.3]] * 2000, np.float32)
    )
    drawn = targets.draw(np.random.default_rng(0))
    assert set(drawn.tolist()) == {5, 2}
    assert abs((drawn == 2).mean() - 0.3) < 0.05
    nothing = SoftTargets(rows_TK=np.array([[5, 2]], np.int32), shares_TK=np.zeros((1, 2), np.float32))
    assert nothing.draw(np.random.default_rng(0)).tolist() == [-1]


@pytest.mark.parametrize("attention", ["sdpa", FLOAT32_ATTENTION])
def test_what_is_graded_in_branches_is_what_a_beam_would_score(shop_directory, attention):
    """One pass over a history with a branch after every item gives what as many prompts of their own give."""
    workspace = load(shop_directory)
    model, ids = workspace.client.language_model, workspace.client.language_model.ids
    torch.nn.init.normal_(model.item_projector.weight, std=0.05, generator=torch.Generator().manual_seed(0))
    codes = workspace.table.codes.astype(np.int64)
    histories = [workspace.catalog.rows(workspace.interactions.history(f"user-0000{n}"))[:6] for n in (1, 2)]
    examples = next_item_examples(model.prompts, [list(map(tuple, codes[rows])) for rows in histories], max_history=30)
    rng = np.random.default_rng(0)
    wanted = [rng.integers(len(codes), size=len(rows)) for rows in histories]
    soft_targets = [
        SoftTargets(rows_TK=rows[:, None].astype(np.int32), shares_TK=np.ones((len(rows), 1), np.float32))
        for rows in wanted
    ]
    teacher = Teacher(soft_targets=soft_targets, codes_NL=codes, share=1.0)
    dataset = DistillationDataset(examples, 1, teacher, ids, 0)
    batch = collate([dataset[number] for number in range(len(examples))], 0)
    labels, _, shares = (batch.pop(name) for name in ("labels", "target_rows", "target_shares"))
    assert shares.sum() == sum(len(rows) - 1 for rows in histories)
    model.model.set_attn_implementation(attention)
    with torch.inference_mode(), model.item_projector.marking_targets(labels == batch["input_ids"]):
        logits = model.model(**batch).logits[:, :-1]
    offsets = torch.tensor(ids.offsets)
    for number, rows in enumerate(histories):
        starts = (labels[number, 1:] >= ids.first_token) & (labels[number, 1:] < ids.offsets[1])
        places = starts.nonzero()[:, 0][:, None] + torch.arange(ids.depth)
        graded = labels[number, 1:][places] - offsets
        scores = [
            logits[number, places[:, level], first : first + size]
            for level, (first, size) in enumerate(zip(ids.offsets, ids.level_sizes, strict=True))
        ]
        assert graded.tolist() == codes[[rows[0], *wanted[number][1:]]].tolist()
        prompts = [
            history_prompt(model.prompts, list(map(tuple, codes[rows[:count]])), max_history=30)
            for count in range(len(rows))
        ]
        of_prompts = model.score(prompts, list(map(tuple, graded.tolist())), trie=workspace.client.trie)
        np.testing.assert_allclose(workspace.client.trie.score_paths(scores, graded).numpy(), of_prompts, atol=1e-4)


def test_shares_along_an_items_path_multiply_to_its_own():
    rng = np.random.default_rng(0)
    codes_NL = torch.from_numpy(np.stack(np.unravel_index(rng.permutation(60)[:30], (3, 4, 5)), axis=1))
    rows_MK = torch.from_numpy(np.stack([rng.permutation(30)[:8] for _ in range(8)]))
    shares_MK = torch.from_numpy(rng.dirichlet(np.ones(8), 8))
    for place in range(8):
        path_ML = codes_NL[rows_MK[:, place]]
        of_levels = code_targets(codes_NL[rows_MK], shares_MK, path_ML, (3, 4, 5))
        product_M = torch.ones(8, dtype=torch.float64)
        for level, shares_MC in enumerate(of_levels):
            torch.testing.assert_close(shares_MC.sum(1), torch.ones(8, dtype=torch.float64))
            product_M *= shares_MC.gather(1, path_ML[:, level, None])[:, 0]
        torch.testing.assert_close(product_M, shares_MK[:, place])


def test_without_a_teacher_a_paths_own_codes_are_certain():
    path_ML = torch.tensor([[2, 0, 4], [1, 3, 2]])
    of_levels = code_targets(torch.zeros(2, 1, 3, dtype=torch.int64), torch.zeros(2, 1), path_ML, (3, 4, 5))
    for level, shares_MC in enumerate(of_levels):
        assert shares_MC.argmax(dim=1).tolist() == path_ML[:, level].tolist()
        assert shares_MC.sum() == 2
