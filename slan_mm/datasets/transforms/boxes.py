"""Boxes are for evaluation, which changes no picture."""


def refuse_boxes(results: dict, transform: str) -> None:
    """For a ``transform`` that moves what a picture shows, and no box.

    Raises:
        ValueError: The sample has phrases with boxes.
    """
    if 'phrases' in results:
        raise ValueError(
            f'sample {results.get("sample_id")!r}: {transform} does not move boxes. Take it out of the pipeline of the '
            'grounding data set.'
        )
