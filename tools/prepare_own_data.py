"""Makes pictures and captions ready for configs/pretrain/slan_own_data_pretrained.py.

    python tools/prepare_own_data.py PICTURES CAPTIONS.csv
    python tools/prepare_own_data.py PICTURES captions_train2017.json
    python tools/prepare_own_data.py FOLDER

- The table (.csv, .tsv, .jsonl; see docs/data.md) has the columns image, a path below PICTURES, and caption. Several
  lines may have the same image.
- A .json file is COCO's captions, or another that docs/data.md tells of.
- FOLDER alone is a data set of Hugging Face: pictures with metadata.jsonl or metadata.csv (imagefolder), or parquet
  files with embedded pictures (extra ``parquet``).

Where no split is told, a tenth of the pictures is held out as val. The tool checks captions and every picture, and
writes into ``data/own`` (or --out, or $SLAN_OWN_DATA), nothing into the source:

- ``images``, a link to PICTURES: nothing is copied; of parquet files a folder of the pictures;
- ``captions.csv``, the captions with their split, without unreadable pictures;
- ``tokenizer/``, a WordPiece vocabulary made from the captions of the train split. Only slan_own_data.py reads it,
  which trains from random weights and needs tens of thousands of pictures.
"""

import argparse
import csv
import os
from collections import Counter
from collections.abc import Iterable
from multiprocessing.pool import ThreadPool
from pathlib import Path

from slan_mm.arguments import out_folder, real
from slan_mm.cli.errors import one_line_errors
from slan_mm.cli.options import option, positive


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description='Makes your pictures and captions ready for training.')
    parser.add_argument('pictures', type=Path, help='folder of the pictures')
    parser.add_argument(
        'captions',
        type=Path,
        nargs='?',
        help='.csv, .tsv or .jsonl table of captions, or a .json file; none for a data set of Hugging Face',
    )
    parser.add_argument('--out', type=option(out_folder), default=Path(os.environ.get('SLAN_OWN_DATA', 'data/own')))
    parser.add_argument('--image-field', default='', help='column of the path, of parquet of the picture')
    parser.add_argument('--caption-field', default='', help='column of the caption (default: caption, or text)')
    parser.add_argument('--split-field', default='split', help='column of the split, if there is one (default: split)')
    parser.add_argument(
        '--holdout', type=option(real(0, 1)), default=0.1, help='share of val where the table has no splits'
    )
    parser.add_argument('--vocabulary', type=positive, default=8000, help='most tokens of the vocabulary')
    return parser.parse_args(arguments)


if __name__ == '__main__':
    parse_options()  # --help and mistakes are answered before the imports below, which take seconds

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from slan_mm.atomic_files import replaced_atomically
from slan_mm.datasets.readers import read_captions
from slan_mm.datasets.readers.entry import load_json
from slan_mm.datasets.readers.parquet_shards import extract_parquet, parquet_files
from slan_mm.datasets.readers.record import ImageRecord
from slan_mm.datasets.real_folders import RealFolders
from slan_mm.datasets.transforms.load_image import load_image
from slan_mm.datasets.unreadable import UnreadableImageError
from slan_mm.folder_lock import FolderLock
from slan_mm.own_files import claim

SPECIAL_TOKENS = ('[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]')
#: Of parquet files, what their rows say.
ROWS = 'rows.jsonl'
MOST_UNREADABLE = 0.1  # share of pictures
#: What is written, for :func:`claim`.
KIND = 'own data'
#: The config that such data are for; and where it looks for its encoders.
CONFIG = 'configs/pretrain/slan_own_data_pretrained.py'
ENCODERS = ('efficientnet_lite0.safetensors', 'all-MiniLM-L6-v2')


class PreparationError(RuntimeError):
    """The data cannot be used as they are; the message says what to do."""


def unreadable(records: Iterable[ImageRecord]) -> dict[str, str]:
    """Image id and reason of every picture that cannot be read. All are decoded, which takes some ms each."""

    def reason(record: ImageRecord) -> tuple[str, str | None]:
        try:
            load_image(record.img_path)
        except UnreadableImageError as error:
            return record.image_id, str(error)
        return record.image_id, None

    with ThreadPool() as pool:
        return {image_id: text for image_id, text in pool.imap(reason, records, chunksize=16) if text is not None}


def check(records: list[ImageRecord]) -> list[ImageRecord]:
    """The readable ones of ``records``; tells what it leaves out.

    Raises:
        PreparationError: More than a tenth cannot be read, or a split has too few pictures.
    """
    broken = unreadable(records)
    for text in broken.values():
        print(f'left out: {text}')
    if len(broken) > MOST_UNREADABLE * len(records):
        raise PreparationError(f'{len(broken)} of {len(records)} pictures cannot be read: repair or remove them first')
    kept = [record for record in records if record.image_id not in broken]
    for split, fewest in (('train', 32), ('val', 2)):
        count = sum(record.split == split for record in kept)
        if count < fewest:
            found = Counter(record.split or 'no split' for record in kept)
            told = ', '.join(f'{number} in {name!r}' for name, number in found.items())
            raise PreparationError(
                f"{count} pictures are in split '{split}', which needs at least {fewest}. There are {told}. Add "
                'pictures, call the splits train and val, or change --split-field or --holdout'
            )
    return kept


def make_tokenizer(captions: Iterable[str], size: int) -> PreTrainedTokenizerFast:
    """A BERT-style WordPiece tokenizer of at most ``size`` tokens: lower case, accents kept."""
    tokenizer = Tokenizer(models.WordPiece(unk_token='[UNK]'))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True, strip_accents=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.train_from_iterator(
        captions, trainers.WordPieceTrainer(vocab_size=size, special_tokens=list(SPECIAL_TOKENS), show_progress=False)
    )
    ends = [(token, tokenizer.token_to_id(token)) for token in ('[CLS]', '[SEP]')]
    tokenizer.post_processor = processors.TemplateProcessing(
        single='[CLS] $A [SEP]', pair='[CLS] $A [SEP] $B:1 [SEP]:1', special_tokens=ends
    )
    tokenizer.decoder = decoders.WordPiece()
    names = {f'{token.strip("[]").lower()}_token': token for token in SPECIAL_TOKENS}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names)


def link(pictures: Path, place: Path) -> None:
    """Makes ``place`` a link to ``pictures``, unless it is that folder already."""
    if place.is_symlink():
        place.unlink()
    elif place.exists():
        if place.resolve() != pictures.resolve():
            raise PreparationError(f'{place} is a folder of its own: remove it, or choose another --out')
        return
    place.symlink_to(pictures.resolve(), target_is_directory=True)


def write_captions(records: list[ImageRecord], root: Path, file: Path) -> None:
    """The table that the config reads."""
    folders = RealFolders()
    with replaced_atomically(file) as temporary, open(temporary, 'w', newline='', encoding='utf-8') as handle:
        writer = csv.writer(handle)
        writer.writerow(['image', 'caption', 'image_id', 'split'])
        for record in records:
            path = folders.below(record.img_path, root)
            writer.writerows([path, caption, record.image_id, record.split] for caption in record.captions)


def missing_encoders() -> Path | None:
    """The first pre-trained encoder that ``CONFIG`` would not find; None where all are there."""
    folder = Path(os.environ.get('SLAN_WEIGHTS', 'weights'))
    return next((folder / name for name in ENCODERS if not (folder / name).exists()), None)


def format_of(captions: Path) -> str:
    """What kind of caption file this is: ``format`` of :func:`read_captions`."""
    if captions.suffix.lower() != '.json':
        return 'table'
    content = load_json(captions)
    if isinstance(content, list):
        return 'json_list'
    return 'karpathy' if isinstance(content, dict) and 'annotations' not in content else 'coco_captions'


def read(options: argparse.Namespace) -> list[ImageRecord]:
    """The pictures and captions of the source; of parquet files ``options.pictures`` becomes the folder of pictures."""
    source, form = options.captions, ''
    if not options.pictures.is_dir():
        what = 'is a file: give the folder of the pictures first' if options.pictures.is_file() else 'does not exist'
        raise PreparationError(f'the folder of the pictures, {options.pictures}, {what}')
    if source is not None and not source.is_file():
        raise PreparationError(
            f'the table of captions, {source}, {"is no file" if source.exists() else "does not exist"}'
        )
    if options.out.resolve().is_relative_to(options.pictures.resolve()):
        raise PreparationError(f'{options.out} lies in {options.pictures}: choose an --out that is elsewhere')
    fields = {name: getattr(options, name) for name in ('image_field', 'caption_field', 'split_field')}
    if source is not None:
        form = format_of(source)
        if form in ('karpathy', 'coco_captions'):
            fields = {}
    elif parquet_files(options.pictures):
        claim(options.out, ['images', ROWS], KIND)
        pictures = options.out / 'images'
        if pictures.is_symlink():
            pictures.unlink()
        pictures.mkdir(exist_ok=True)
        source, form = options.out / ROWS, 'table'
        with FolderLock(options.out):
            extract_parquet(options.pictures, pictures, source, fields['image_field'], fields['caption_field'])
        options.pictures, fields = pictures, {}
    else:
        source, form = options.pictures, 'imagefolder'
        del fields['image_field']
    given = {name: value for name, value in fields.items() if value}
    records = read_captions(
        str(source), str(options.pictures), form, empty_captions='drop', holdout=options.holdout, **given
    )
    print(f'{source}: {sum(len(r.captions) for r in records)} captions of {len(records)} pictures')
    return records


def prepare(options: argparse.Namespace) -> None:
    """Checks and writes everything."""
    kept = check(read(options))
    names = ['captions.csv', 'tokenizer']
    if (options.out / 'images').resolve() != options.pictures.resolve():
        names.append('images')
    claim(options.out, names, KIND)
    tokenizer = make_tokenizer((c for r in kept if r.split == 'train' for c in r.captions), options.vocabulary)
    with FolderLock(options.out):
        link(options.pictures, options.out / 'images')
        write_captions(kept, options.pictures, options.out / 'captions.csv')
        tokenizer.save_pretrained(options.out / 'tokenizer')
    for split in sorted({record.split or '' for record in kept}):
        part = [record for record in kept if record.split == split]
        print(f'  {split}: {len(part)} pictures, {sum(len(record.captions) for record in part)} captions')
    print(f'  vocabulary: {len(tokenizer)} tokens')
    print(f'ready: {options.out}. Next:')
    if lacking := missing_encoders():
        print(f'  bash tools/fetch_weights.sh    (once: {lacking} is not there; SLAN_WEIGHTS names another folder)')
    print(f'  python tools/train.py {CONFIG}')
    default = Path(os.environ.get('SLAN_OWN_DATA', 'data/own'))
    if options.out.resolve() != default.resolve():
        print(f'(with SLAN_OWN_DATA={options.out} in the environment)')


@one_line_errors
def main(arguments: list[str] | None = None) -> None:
    """Prepares, or says in one line why not."""
    prepare(parse_options(arguments))


if __name__ == '__main__':
    main()
