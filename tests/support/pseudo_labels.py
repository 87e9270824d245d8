"""Records as the model's answers are written, made up."""

from slan_mm.pseudo_labels.fragments import FragmentWriter

#: The box of a dog in the pictures of the fixture ``gold_of``.
TRUE = [10.0, 10.0, 40.0, 40.0]


def answered(category, box, span=(0, 3), caption=0, score=1.0, flip=0.9, scale=0.9, match=0.8):
    """A thing with an answer."""
    return dict(
        caption=caption, span=list(span), category=category, box=box, score=score, flip=flip, scale=scale, match=match
    )


def record(name, *things, captions=('dog and cat',), size=(100, 80)):
    """A picture of ``size`` (width, height)."""
    return dict(file_name=name, width=size[0], height=size[1], captions=list(captions), things=list(things))


def write_answers(folder, *records):
    """The records in a folder of answers, two a block."""
    folder.mkdir(parents=True)
    with FragmentWriter(folder, 0) as writer:
        for block in range(0, len(records), 2):
            writer.write(block // 2, list(records[block : block + 2]))
    return folder
