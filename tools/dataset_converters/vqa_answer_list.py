"""Makes the closed list of answers that a VQA model chooses from: the frequent ones of annotation files.

    python tools/dataset_converters/vqa_answer_list.py data/vqa/v2_mscoco_train2014_annotations.json \
        data/vqa/v2_mscoco_val2014_annotations.json --min-count 9 --out data/vqa/answer_list.json

Counts each question's most frequent answer (``multiple_choice_answer``), normalised as the official accuracy
does, and keeps those of at least ``--min-count`` questions, at most ``--most`` of them, the most frequent first. Says
of how many questions the list holds that answer: the others cannot be answered quite rightly from it.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from slan_mm.arguments import out_file
from slan_mm.cli.errors import one_line_errors
from slan_mm.cli.options import option, positive


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description='Makes a list of answers from VQA annotation files.')
    parser.add_argument('annotations', nargs='+', type=Path, help='annotation files of VQA v2')
    parser.add_argument('--out', type=option(out_file), required=True, help='the json list to write')
    parser.add_argument(
        '--min-count', type=positive, default=9, help='questions that an answer is needed by (default: 9)'
    )
    parser.add_argument('--most', type=positive, help='answers to keep at most')
    return parser.parse_args(arguments)


if __name__ == '__main__':
    parse_options()  # --help and mistakes are answered before the imports below, which take seconds

from slan_mm.atomic_files import replaced_atomically
from slan_mm.datasets.answer_normalisation import normalise_answer
from slan_mm.datasets.readers.entry import json_entries, load_json

_REMEDY = "VQA v2's annotation files hold {annotations: [{multiple_choice_answer, answers: [{answer}], ...}]}."


def count_answers(files: Sequence[Path]) -> Counter[str]:
    """How many questions have each normalised answer as their most frequent one.

    Raises:
        FileNotFoundError: A file is missing.
        AnnotationError: A file is not what it should be.
    """
    counts: Counter[str] = Counter()
    for file in files:
        for entry in json_entries(file, load_json(file), 'annotations', _REMEDY):
            counts[normalise_answer(entry.take('multiple_choice_answer', str, _REMEDY))] += 1
    del counts['']  # an answer of nothing but articles and punctuation
    return counts


@one_line_errors
def main(arguments: list[str] | None = None) -> None:
    """Counts, writes, tells how much the list covers."""
    options = parse_options(arguments)
    counts = count_answers(options.annotations)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    answers = [answer for answer, count in ranked if count >= options.min_count][: options.most]
    if not answers:
        sys.exit(f'vqa_answer_list: no answer is that of {options.min_count} questions; lower --min-count')
    options.out.parent.mkdir(parents=True, exist_ok=True)
    with replaced_atomically(options.out) as temporary:
        temporary.write_text(json.dumps(answers, ensure_ascii=False, indent=0) + '\n', encoding='utf-8')
    covered = sum(counts[answer] for answer in answers)
    print(
        f'{options.out}: {len(answers)} of {len(counts)} answers; they are the most frequent answer of '
        f'{100 * covered / counts.total():.1f} % of {counts.total()} questions'
    )


if __name__ == '__main__':
    main()
