"""Runs a trained model on your own images.

    python tools/infer.py grounding CONFIG CHECKPOINT dog.jpg --text 'a [dog] runs over the [wet grass]' --out-dir out
    python tools/infer.py retrieval CONFIG CHECKPOINT my/pictures --text 'a dog on a beach' --text 'two cats' --show
    python tools/infer.py captioning CONFIG CHECKPOINT my/pictures
    python tools/infer.py detection CONFIG CHECKPOINT street.jpg --text 'person, bicycle, traffic light'
    python tools/infer.py nlvr2 CONFIG CHECKPOINT left.jpg right.jpg --text 'both pictures show a dog'
    python tools/infer.py grounding CONFIG CHECKPOINT clip.mp4 --text 'a [dog]' --every 5 --out-dir out

Give image files or folders of images. A single ``--text`` is used for all images; to use a different text for each
image, give one ``--text`` per image. The tool prints the name of each image and its predictions; ``--top`` and
``--score-thr`` limit them. ``--out-dir`` writes them to ``predictions.json``, with a page for each image. ``--options``
sets other options of a task, e.g. ``--options direction=i2t``. For videos, ``grounding`` and ``detection`` write a
video with boxes, and the predictions of each frame with its time (``.mp4`` and ``.json`` in ``--out-dir``).
docs/inference.md explains the inputs and scores of each task.
"""

import argparse
from pathlib import Path
from typing import Any

from slan_mm.arguments import out_folder, real
from slan_mm.cli.errors import one_line_errors
from slan_mm.cli.options import KeyValues, ModelParser, add_model, add_settings, option, positive
from slan_mm.file_endings import is_video
from slan_mm.quick_imports import collector_off

TASKS = ('captioning', 'detection', 'grounding', 'nlvr2', 'retrieval', 'video_retrieval', 'vqa')
TAKE_NO_TEXT = ('captioning',)
#: What is no option of a task but told otherwise.
OWN = {
    'inputs': 'the images of the command line',
    'texts': '--text',
    'batch_size': '--batch-size',
    'show': '--show',
    'img_out_dir': '--out-dir',
    'pred_out_dir': '--out-dir',
    'return_datasamples': 'Python alone: call the inferencer',
}


def takes_videos(inputs: list[str], task: str) -> bool:
    """Whether the inputs are videos, whose frames are processed instead of images."""
    return task != 'video_retrieval' and all(map(is_video, inputs))


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = ModelParser(description='Runs a trained model on your own images.')
    parser.add_argument('task', choices=TASKS, help='the task')
    add_model(parser)
    parser.add_argument('inputs', nargs='+', metavar='image', help='image files, folders of images, or videos')
    parser.add_argument(
        '--text',
        action='append',
        help='text for the images (caption, query, question, class names); repeat for several',
    )
    parser.add_argument(
        '--top',
        type=positive,
        help='most results: boxes per phrase (default: 1, or as many as it names), images per text (10), ...',
    )
    parser.add_argument('--score-thr', type=option(real()), help='minimum score of the shown boxes')
    parser.add_argument('--batch-size', type=positive, default=8, help='images per batch')
    parser.add_argument(
        '--out-dir', type=option(out_folder), default='', help='folder for predictions.json and the pages'
    )
    parser.add_argument(
        '--every', type=positive, default=1, help='for videos: process every N-th frame (default: 1)', metavar='N'
    )
    parser.add_argument('--show', action='store_true', help='open each page in the image viewer of the desktop')
    parser.add_argument('--device', help="'cpu' or 'cuda' (default: a GPU if there is one)")
    parser.add_argument(
        '--options', nargs='+', action=KeyValues, default={}, help='other options of the task, as key=value'
    )
    add_settings(parser)
    options = parser.parse_args(arguments)
    for name in options.options:
        if name in OWN:
            parser.error(f'--options: {name} is told by {OWN[name]}')
    takes_text = options.task not in TAKE_NO_TEXT
    if takes_text != bool(options.text):
        parser.error(f'{options.task} {"needs" if takes_text else "takes no"} --text')
    if takes_videos(options.inputs, options.task):
        if not options.out_dir or options.show:
            parser.error('of a video the answers are written, not printed or shown: give --out-dir, and no --show')
    elif options.every != 1:
        parser.error('--every: there is no video, or there are pictures, too; give videos alone')
    for name in ('top', 'score_thr'):
        if getattr(options, name) is not None:
            options.options[name] = getattr(options, name)
    return options


if __name__ == '__main__':
    parse_options()  # --help and mistakes are answered before the imports below, which take seconds

with collector_off():
    from slan_mm.apis import INFERENCERS, SLANInferencer
    from slan_mm.apis.answers import Unread, report_unread
    from slan_mm.apis.video_answers import check_video_task, video_files
    from slan_mm.datasets.unreadable import UnreadableImageError
    from slan_mm.extras import require_extra


def infer_videos(inferencer: SLANInferencer, asked: Any, options: argparse.Namespace) -> None:
    """Answers for each video; those that cannot be read are told, and are an error where no other can be."""
    entries: list[Unread | None] = []
    for number, video in enumerate(options.inputs):
        try:
            found = inferencer.video(
                video,
                asked,
                options.out_dir,
                every=options.every,
                batch_size=options.batch_size,
                number=number,
                **options.options,
            )
        except UnreadableImageError as error:
            entries.append(Unread(video, error))
            continue
        entries.append(None)
        damaged = f', {found["unreadable"]} of them damaged' if found['unreadable'] else ''
        written = ', '.join(str(Path(options.out_dir) / name) for name in video_files(number, video))
        print(f'{video}: {found["frames"]} frames{damaged}; written: {written}')
    report_unread(entries)


@one_line_errors
def main(arguments: list[str] | None = None) -> None:
    """Predicts, prints, writes."""
    options = parse_options(arguments)
    kind = INFERENCERS[options.task]
    texts = [kind.read_texts(options.text)] if options.text else []
    of_videos = takes_videos(options.inputs, options.task)
    if of_videos:
        check_video_task(kind)
        require_extra('video')
    kind.check_call(options.inputs[0] if of_videos else options.inputs, *texts, **options.options)
    inferencer = SLANInferencer(
        options.task, options.config, options.checkpoint, device=options.device, cfg_options=options.cfg_options
    )
    if of_videos:
        infer_videos(inferencer, *texts, options)
        return
    result = inferencer(
        options.inputs,
        *texts,
        batch_size=options.batch_size,
        show=options.show,
        img_out_dir=options.out_dir,
        pred_out_dir=options.out_dir,
        **options.options,
    )
    for prediction in result['predictions']:
        print(inferencer.describe(prediction))
    if options.out_dir:
        print(f'written: {options.out_dir}')


if __name__ == '__main__':
    main()
