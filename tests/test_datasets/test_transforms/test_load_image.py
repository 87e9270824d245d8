import base64
import os
import struct
import sys
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from slan_mm.datasets.transforms.load_image import LoadImage, load_image, to_rgb, upright_size
from slan_mm.datasets.unreadable import UnreadableImageError

RED, WHITE = [255, 0, 0], [255, 255, 255]


def saved(tmp_path, image, name, **options):
    path = tmp_path / name
    image.save(path, **options)
    return load_image(str(path))


def test_rgb_and_its_order(tmp_path):
    pixels = saved(tmp_path, Image.new('RGB', (5, 3), (10, 20, 30)), 'x.png')
    assert pixels.shape == (3, 5, 3) and pixels.dtype == np.uint8
    assert pixels[0, 0].tolist() == [10, 20, 30]


def test_rgba_stands_on_white(tmp_path):
    image = Image.new('RGBA', (3, 1))
    image.putdata([(255, 0, 0, 255), (255, 0, 0, 0), (0, 0, 0, 128)])
    left, middle, right = saved(tmp_path, image, 'x.png')[0].tolist()
    assert (left, middle) == (RED, WHITE)
    assert right == [127, 127, 127]


def test_gray_with_alpha_stands_on_white(tmp_path):
    image = Image.new('LA', (2, 1))
    image.putdata([(9, 255), (9, 0)])
    assert saved(tmp_path, image, 'x.png')[0].tolist() == [[9, 9, 9], WHITE]


@pytest.mark.parametrize(('mode', 'value', 'expected'), [('L', 77, [77] * 3), ('1', 1, WHITE)])
def test_gray(tmp_path, mode, value, expected):
    assert saved(tmp_path, Image.new(mode, (2, 2), value), 'x.png')[0, 0].tolist() == expected


def palette_image():
    image = Image.new('P', (2, 1))
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putdata([0, 1])
    return image


def test_palette(tmp_path):
    assert saved(tmp_path, palette_image(), 'x.png')[0].tolist() == [RED, [0, 0, 255]]


@pytest.mark.parametrize('transparency', [1, bytes([255, 0])])
def test_palette_with_transparency(tmp_path, transparency):
    assert saved(tmp_path, palette_image(), 'x.png', transparency=transparency)[0].tolist() == [RED, WHITE]


def test_transparent_gif(tmp_path):
    assert saved(tmp_path, palette_image(), 'x.gif', transparency=1)[0].tolist() == [RED, WHITE]


def test_a_transparent_colour_of_rgb(tmp_path):
    image = Image.new('RGB', (2, 1), (255, 0, 0))
    image.putpixel((1, 0), (1, 2, 3))
    assert saved(tmp_path, image, 'x.png', transparency=(1, 2, 3))[0].tolist() == [RED, WHITE]


@pytest.mark.parametrize('name', ['x.jpg', 'x.tif'])
def test_cmyk(tmp_path, name):
    pixels = saved(tmp_path, Image.new('CMYK', (8, 8), (0, 255, 255, 0)), name)
    assert np.abs(pixels[4, 4].astype(int) - RED).max() <= 3


def test_sixteen_bit_gray_is_scaled_and_not_clipped(tmp_path):
    values = np.array([[0, 257, 128 * 257, 65535]], dtype=np.uint16)
    cv2.imwrite(str(tmp_path / 'x.png'), values)
    assert load_image(str(tmp_path / 'x.png'))[0, :, 0].tolist() == [0, 1, 128, 255]
    pixels = saved(tmp_path, Image.fromarray(values.astype('>u2')), 'x.tif')
    assert pixels[0, :, 0].tolist() == [0, 1, 128, 255]


@pytest.mark.parametrize('channels', [3, 4])
def test_sixteen_bit_colour(tmp_path, channels):
    values = np.full((2, 2, channels), 65535, dtype=np.uint16)
    values[..., 0] = 0  # OpenCV's blue
    cv2.imwrite(str(tmp_path / 'x.png'), values)
    assert load_image(str(tmp_path / 'x.png'))[0, 0].tolist() == [255, 255, 0]


@pytest.mark.parametrize(
    ('values', 'expected'),
    [
        (np.array([[0, 128, 255]], dtype=np.int32), [0, 128, 255]),
        (np.array([[0, 128 * 257, 65535]], dtype=np.int32), [0, 128, 255]),
        (np.array([[0, 0.5, 1]], dtype=np.float32), [0, 128, 255]),
        (np.array([[0, 128, 255]], dtype=np.float32), [0, 128, 255]),
    ],
)
def test_wide_gray_modes(values, expected):
    assert np.asarray(to_rgb(Image.fromarray(values)))[0, :, 1].tolist() == expected


def corner_image():
    """4 x 2 (W x H), black, its top left quarter white."""
    image = Image.new('RGB', (64, 32))
    image.paste((255, 255, 255), (0, 0, 32, 16))
    return image


@pytest.mark.parametrize(
    ('orientation', 'shape', 'corner'),
    [
        (1, (32, 64), 'top left'),
        (2, (32, 64), 'top right'),
        (3, (32, 64), 'bottom right'),
        (4, (32, 64), 'bottom left'),
        (5, (64, 32), 'top left'),
        (6, (64, 32), 'top right'),
        (7, (64, 32), 'bottom right'),
        (8, (64, 32), 'bottom left'),
    ],
)
def test_exif_orientation(tmp_path, orientation, shape, corner):
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = saved(tmp_path, corner_image(), 'x.jpg', exif=exif.tobytes())
    assert pixels.shape[:2] == shape
    row = 2 if 'top' in corner else -3
    column = 2 if 'left' in corner else -3
    assert pixels[row, column].min() > 200
    others = (
        pixels.sum()
        - pixels[:: 1 if row > 0 else -1, :: 1 if column > 0 else -1][: shape[0] // 2, : shape[1] // 2].sum()
    )
    assert others < 0.03 * pixels.sum()


def test_broken_exif_does_not_matter(tmp_path):
    pixels = saved(tmp_path, corner_image(), 'x.jpg', exif=b'Exif\x00\x00MM\x00*\xff\xff')
    assert pixels.shape == (32, 64, 3)


@pytest.mark.parametrize('name', ['x.jpg', 'x.png', 'x.webp', 'x.bmp', 'x.gif', 'x.tif'])
def test_truncated_files(tmp_path, noisy_image, truncate, name):
    noisy_image.save(tmp_path / name)
    load_image(str(tmp_path / name))
    truncate(tmp_path / name)
    with pytest.raises(UnreadableImageError, match=name):
        load_image(str(tmp_path / name))


def test_files_that_are_no_images(tmp_path):
    told = 'not an image, damaged, or of a format'
    for name, content, said in (('empty.jpg', b'', 'the file is empty'), ('text.jpg', b'<html>not found</html>', told)):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UnreadableImageError, match=rf'{name} \({said}'):
            load_image(str(tmp_path / name))
    with pytest.raises(UnreadableImageError, match='absent.jpg'):
        load_image(str(tmp_path / 'absent.jpg'))


def test_the_transform(images):
    results = LoadImage()({'img_path': str(images / 'a.jpg')})
    assert results['img'].shape == (8, 12, 3)
    assert results['img_shape'] == results['ori_shape'] == (8, 12)


def test_the_transform_reads_bytes_and_keeps_the_annotated_size(images):
    content = (images / 'a.jpg').read_bytes()
    results = LoadImage()({'img_path': 'shard.tar::a', 'img_bytes': content, 'ori_shape': (80, 120)})
    assert results['img'].shape == (8, 12, 3)
    assert results['ori_shape'] == (80, 120)
    assert 'img_bytes' not in results


def test_a_program_is_never_started(tmp_path, monkeypatch):
    """EPS bytes under another name: Pillow would hand them to Ghostscript, here a script that leaves a trace."""
    trace = tmp_path / 'started'
    for name in ('gs', 'gswin32c'):
        script = tmp_path / name
        script.write_text(f'#!/bin/sh\ntouch {trace}\n')
        script.chmod(0o755)
    monkeypatch.setenv('PATH', f'{tmp_path}:{os.environ["PATH"]}')
    path = tmp_path / 'picture.jpg'
    path.write_bytes(b'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n(hi) print\n%%EOF\n')
    with pytest.raises(UnreadableImageError, match=r'picture\.jpg'):
        load_image(str(path))
    assert not trace.exists()


def test_pipes_devices_and_folders_are_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / 'pipe.jpg')
    (tmp_path / 'endless.jpg').symlink_to('/dev/zero')
    (tmp_path / 'folder.jpg').mkdir()
    for name in ('pipe.jpg', 'endless.jpg', 'folder.jpg'):
        with pytest.raises(UnreadableImageError, match='not a regular file'):
            load_image(str(tmp_path / name))
    Image.new('RGB', (4, 3)).save(tmp_path / 'real.png')
    (tmp_path / 'link.png').symlink_to('real.png')
    assert load_image(str(tmp_path / 'link.png')).shape == (3, 4, 3)


def bomb(side):
    """A PNG of one bit a pixel, whose header alone tells its size."""

    def chunk(kind, data):
        return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))

    header = struct.pack('>IIBBBBB', side, side, 1, 0, 0, 0, 0)
    rows = zlib.compress(b'\0' * (side // 8 + 1) * side, 9)
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header) + chunk(b'IDAT', rows) + chunk(b'IEND', b'')


def test_an_image_of_too_many_pixels_is_not_decoded(monkeypatch):
    monkeypatch.setattr('PIL.ImageFile.ImageFile.load', lambda _: pytest.fail('it was decoded'))
    with pytest.raises(UnreadableImageError, match='8000 x 8000 pixels are more than max_pixels = 50000000'):
        load_image('bomb.png', bomb(8000))


def test_the_limit_can_be_set():
    content = bomb(40)
    assert LoadImage(max_pixels=1600)(dict(img_path='a.png', img_bytes=content))['img'].shape == (40, 40, 3)
    with pytest.raises(UnreadableImageError, match='max_pixels = 1599'):
        LoadImage(max_pixels=1599)(dict(img_path='a.png', img_bytes=content))


#: 64 x 48 pixels of a camera that was turned, red at the left and blue at the right; shown, red is above.
HEIC = (
    'c-muNV30{GsVvAy%}izhg51nBLl8SRGck>Uf$>CcYDppk1Sn>t<P<^K3<a6VB@Af5Br_);Y>0~k0}}%yh{gB@LIXiBPz(r|D&Zn3'
    'Kx~njnU@CUfn-I2oK&zfpqh-bWJ3ldK}L`g*NRNAa=wDhl3WI;N=Ej~f}#Q-`&ni|az2nQ1L}2VWCjUM04tLF!0_kqj~@&S{LBeJ'
    '9TE<VJdFSUgA_1>R4{{(+%6`EM4+UW6C)#<%mRf*)@iSvEZez*Bf~%eD8vjR7!;F$%Gq2P4;CNj1X?1ToS##amz+}p6y;@LYXAy~'
    'WEK~sLcQw%#Tv;ui3LzLC@2h|G&m6c|Ns918W;ivnH8BJL1qpP4j{#uS(IM_bPt1MW<f42QWzN+*&3OcSzFqG9I4Er)HJ9BUvf%u'
    'GB_GQX79{RNd(1Lrv~GC&IgvtD*ONcWU2rE<4B(K50TV^_5TdwYX6xl{QviwV{O5;DS}>$Bx`zJ+NN?&zxsH3(zb)Yir=m@njiG~'
    'P4=@H3VvOW?xfvgXNf!$d2r|V{WUGR2PLeh1|RP_+ICIj%4vJ^-S+=>t%>xKJSBC*E9V}A%e8Y!8v`~z{ygW+I(aW!hMm1X`Q(6('
    'VS_}buP=iZkjKHm$S4E~Z%~**`~Uzl^`8a'
)


def test_heic(tmp_path):
    pytest.importorskip('pi_heif', reason='the extra heic is not installed')
    # By its content, whatever it is called.
    path = tmp_path / 'photo.jpg'
    path.write_bytes(zlib.decompress(base64.b85decode(HEIC)))
    picture = load_image(str(path))
    assert picture.shape == (64, 48, 3) and upright_size(str(path)) == (64, 48)
    np.testing.assert_allclose(picture[2, 2], (220, 30, 30), atol=8)
    np.testing.assert_allclose(picture[-2, 2], (30, 30, 220), atol=8)
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(UnreadableImageError, match=r'photo\.jpg'):
        load_image(str(path))


def test_avif_needs_no_extra(tmp_path, monkeypatch):
    """Its first brand may be one that HEIC has, too."""
    monkeypatch.setitem(sys.modules, 'pi_heif', None)
    path = tmp_path / 'a.avif'
    Image.new('RGB', (16, 8), (200, 30, 30)).save(path)
    content = path.read_bytes()
    assert content[8:12] == b'avif'
    path.write_bytes(content[:8] + b'mif1' + content[12:])
    assert load_image(str(path)).shape == (8, 16, 3)
