"""torch.compile of the locator: one graph, the same values, the same gradients."""

import torch
from support.toy import TEXTS, build_toy_slan, toy_batch


def located(model, locate, count):
    batch = model.data_preprocessor(toy_batch(range(count)), True)
    image = model.encode_image(batch['inputs'])
    result = locate(image.for_pairs(), model.encode_text(TEXTS[:count]))
    model.zero_grad()
    (result.regions.square().mean() + result.words.square().mean() + result.boxes[-1].sum()).backward()
    gradients = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    return result, gradients


def test_the_locator_is_one_graph():
    model = build_toy_slan()
    # fullgraph: anything that would break the graph is an error.
    compiled = torch.compile(model.locator, backend='eager', fullgraph=True, dynamic=False)
    expected, gradients = located(model, model.locator, 2)
    result, compiled_gradients = located(model, compiled, 2)
    assert type(result) is type(expected)
    torch.testing.assert_close(result.boxes[-1], expected.boxes[-1])
    torch.testing.assert_close(result.words, expected.words)
    torch.testing.assert_close(compiled_gradients, gradients, rtol=1e-4, atol=1e-6)
