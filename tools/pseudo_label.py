"""Makes pseudo-labels, boxes of the objects that captions name, to train a detector.

    python tools/pseudo_label.py CONFIG CHECKPOINT data/own --out work_dirs/pseudo_labels
    python tools/pseudo_label.py CONFIG CHECKPOINT ~/pictures --classes 'dog, person' --out work_dirs/pseudo_labels
    bash tools/dist_pseudo_label.sh CONFIG CHECKPOINT data/own PROCESSES --out work_dirs/pseudo_labels
    python tools/pseudo_label.py merge work_dirs/pseudo_labels CORRECTED.json
    python tools/pseudo_label.py merge work_dirs/pseudo_labels --detections PREDICTIONS.bbox.json

DATA is a folder with captions.csv and images, a caption file (docs/data.md), or a folder of images. The predictions of
the model are saved: an interrupted run continues, and a run with other filters reuses them. ``merge`` takes labels that
people have corrected, in the format of COCO or Label Studio, to replace the labels of these images. It also adds
confident boxes of a trained detector. See docs/pseudo_labels.md.
"""

import argparse
import sys
from pathlib import Path

from slan_mm.arguments import out_folder, real
from slan_mm.cli.errors import one_line_errors
from slan_mm.cli.options import ModelParser, add_model, add_settings, option, positive
from slan_mm.environment import smoke_asked_for

FORMATS = ('table', 'karpathy', 'coco_captions', 'json_list')


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ['merge']:
        return parse_merge(arguments[1:])
    parser = ModelParser(
        description='Makes pseudo-labels: boxes of the objects that captions name.',
        epilog="'merge OUT ...' adds corrected labels and a detector's boxes; see 'merge --help'.",
    )
    add_model(parser)
    parser.add_argument('data', type=Path, help='folder with captions.csv, caption file, or folder of images')
    parser.add_argument('--out', type=option(out_folder), required=True, help='output folder')
    parser.add_argument(
        '--images', type=Path, help='folder of the images of a caption file (default: images, next to it)'
    )
    parser.add_argument('--format', choices=FORMATS, help='format of the caption file (default: table)')
    parser.add_argument('--split', help='split of the caption file (default: all)')
    parser.add_argument(
        '--classes', help="'dog, person', or a yaml file of names with synonyms, 'person: [man, woman]'"
    )
    parser.add_argument(
        '--top-classes',
        type=positive,
        default=20,
        help='without --classes: use the N most frequent head nouns (20)',
        metavar='N',
    )
    parser.add_argument(
        '--scales',
        type=option(real(0, above=True)),
        nargs=2,
        default=(1.25, 1.5),
        help='scales of the views (1.25 1.5)',
    )
    parser.add_argument(
        '--thresholds', type=Path, help='yaml file with thresholds, such as thresholds.yaml of an earlier run'
    )
    parser.add_argument('--cap', type=positive, help='maximum number of labels per class')
    parser.add_argument('--gold', type=Path, help='COCO file with true boxes of some images')
    parser.add_argument(
        '--precision', type=option(real(0, 1)), help='with --gold: choose thresholds that reach this precision'
    )
    parser.add_argument('--review', type=positive, metavar='N', help='write the N most uncertain images for correction')
    parser.add_argument('--batch-size', type=positive, default=16, help='images, or captions, per batch')
    parser.add_argument('--device', help="'cpu' or 'cuda' (default: a GPU if there is one)")
    parser.add_argument(
        '--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none', help='launcher of the processes'
    )
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)
    add_settings(parser)
    options = parser.parse_args(arguments)
    options.merge = False
    if options.precision is not None and options.gold is None:
        parser.error('--precision needs --gold: without true boxes nobody knows how precise labels are')
    return options


def parse_merge(arguments: list[str]) -> argparse.Namespace:
    """The options of ``merge``."""
    parser = argparse.ArgumentParser(
        prog='pseudo_label.py merge', description="Merges corrected labels and a detector's boxes into the labels."
    )
    parser.add_argument('out', type=option(out_folder), help='output folder of an earlier run')
    parser.add_argument('corrected', type=Path, nargs='?', help='COCO file, or the JSON export of Label Studio')
    parser.add_argument('--detections', type=Path, help="a detector's predictions for labels.json, in mmdet's format")
    parser.add_argument(
        '--score-thr', type=option(real(0, 1)), default=0.5, help='minimum score of an added detection (0.5)'
    )
    options = parser.parse_args(arguments)
    if options.corrected is None and options.detections is None:
        parser.error('give CORRECTED, --detections, or both')
    options.merge = True
    return options


if __name__ == '__main__':
    parse_options()  # --help and mistakes are answered before the imports below, which take seconds

import logging
from contextlib import nullcontext
from dataclasses import replace

from mmengine.dist import barrier, init_dist, is_distributed, is_main_process
from mmengine.logging import MMLogger, print_log

from slan_mm.engine.gloo import join_cpu_ranks
from slan_mm.engine.launch import leave_processes
from slan_mm.folder_lock import FolderLock
from slan_mm.malloc import keep_freed_memory
from slan_mm.own_files import claim
from slan_mm.pseudo_labels.answers import answer_all, make_grounder
from slan_mm.pseudo_labels.categories import Categories, classes_yaml, frequent_heads, read_categories
from slan_mm.pseudo_labels.filters import Thresholds, read_thresholds
from slan_mm.pseudo_labels.fragments import FOLDER, check_asked
from slan_mm.pseudo_labels.gold import Gold
from slan_mm.pseudo_labels.labelling import FILES, Labelling, check_readable
from slan_mm.pseudo_labels.merge import MERGED, merge
from slan_mm.pseudo_labels.report import describe, write_report
from slan_mm.pseudo_labels.sources import Source, all_phrases, find_source, name_things

SMOKE = 32  # pictures


def choose_categories(options: argparse.Namespace, source: Source) -> Categories:
    """The classes of ``--classes``, or else the most frequent head nouns, which are written to a file for editing."""
    if options.classes:
        return read_categories(options.classes)
    wrong: list[str] = []
    counts = frequent_heads(all_phrases(source.pictures, wrong), options.top_classes)
    told = f'{len(wrong)} captions have wrong brackets and are left out, the first of {wrong[0]}' if wrong else ''
    if not counts:
        raise ValueError(f'{options.data} has no caption with a noun: name the classes by --classes. {told}'.strip())
    if told:
        print_log(f'{options.data}: {told}', 'current', logging.WARNING)
    # An existing file may have been edited.
    if is_main_process() and not (options.out / 'classes.yaml').exists():
        claim(options.out, ['classes.yaml'], 'pseudo-labels')
        (options.out / 'classes.yaml').write_text(classes_yaml(counts), encoding='utf-8')
    return Categories(dict.fromkeys(counts, ()))


def label(options: argparse.Namespace) -> None:
    """Grounds the remaining phrases; the main process then filters and writes the labels."""
    source = find_source(options.data, options.images, options.format, options.split)
    if smoke_asked_for():
        source.pictures = source.pictures[:SMOKE]
    categories = choose_categories(options, source)
    name_things(source, categories)
    if not source.pictures:
        raise ValueError(f'{options.data}: no caption names one of {", ".join(categories.names)}')
    thresholds = read_thresholds(options.thresholds) if options.thresholds else Thresholds()
    if options.cap is not None:
        thresholds = replace(thresholds, cap=options.cap)
    gold = None if options.gold is None else Gold(options.gold, categories)
    answers = options.out / FOLDER
    grounder, asked = make_grounder(
        options.config, options.checkpoint, options.device, options.cfg_options, options.scales, options.batch_size
    )
    if is_main_process():
        claim(options.out, [*FILES, FOLDER, *(['review'] if options.review else [])], 'pseudo-labels')
        check_asked(answers, {**asked, 'data': source.signature(), 'content of the pictures': source.content()})
    barrier()
    answer_all(source.pictures, grounder, answers)
    barrier()
    if is_main_process():
        check_readable(answers)
        labelling = Labelling(answers, categories, thresholds, gold, options.precision)
        tally = labelling.write(options.out, source.root)
        tally.left_out = source.left_out
        write_report(labelling, options.out, source.root)
        print(describe(tally))
        if options.review:
            count = labelling.write_review(options.out / 'review', source.root, options.review)
            print(f'to be reviewed: {count} pictures, {options.out / "review"}')
        print(f'written: {options.out}')


@one_line_errors
def main(arguments: list[str] | None = None) -> None:
    """Runs the command."""
    options = parse_options(arguments)
    MMLogger.get_instance('pseudo_label', log_level=logging.INFO)
    if options.merge:
        with FolderLock(options.out) if Path(options.out).is_dir() else nullcontext():
            merged = merge(options.out, options.corrected, options.detections, options.score_thr)
        print(f'{merged.corrected} pictures have corrected labels, {merged.added} boxes are detected ones')
        print(f'written: {options.out / MERGED}')
        return
    keep_freed_memory()
    if options.launcher != 'none':
        join_cpu_ranks(options.launcher)
        # Without a GPU the ranks have met by now.
        if not is_distributed():
            init_dist(options.launcher)
    with FolderLock(options.out) if is_main_process() else nullcontext():
        label(options)
    leave_processes()


if __name__ == '__main__':
    main()
