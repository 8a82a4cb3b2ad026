"""What Pillow does for references: smaller copies that look the same, and pixels in memory as PNG."""

from __future__ import annotations

import io
import random
from typing import Any

import pytest
from nanobanana import InvalidRequestError, ReferenceImage
from PIL import Image, ImageCms, ImageDraw

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
LAB_PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()


def _encoded(image: Image.Image, image_format: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def _opened(reference: ReferenceImage) -> Image.Image:
    image = Image.open(io.BytesIO(reference.data))
    image.load()
    return image


def _lines(mode: str) -> Image.Image:
    """White, with a black line of one pixel in every eleven."""
    image = Image.new("L", (1100, 1100), 255)
    for at in range(3, 1100, 11):
        ImageDraw.Draw(image).line([(0, at), (1100, at)], fill=0)
    return image.convert(mode)


@pytest.mark.parametrize("mode", ["1", "P", "L", "RGB", "I;16"])
def test_thin_lines_do_not_vanish(mode: str) -> None:
    """A drawing of thin lines gets smaller as it looks: all that was dark stays, as a lighter line."""
    image = (
        _lines("L").convert("I").point(lambda value: value * 257).convert("I;16") if mode == "I;16" else _lines(mode)
    )
    small = _opened(ReferenceImage(_encoded(image)).resized(220))
    pixels = small.convert("L" if mode != "I;16" else "I").crop((100, 0, 101, 220)).get_flattened_data()
    white = 255 if mode != "I;16" else 65535
    dark = [at for at, value in enumerate(pixels) if value < white * 0.95]
    assert len(dark) >= 100


def test_grey_of_16_bits_stays() -> None:
    """A 16-bit grey PNG is resized and keeps its 16 bits."""
    small = _opened(ReferenceImage(_encoded(Image.new("I;16", (900, 600), 40_001))).resized(100))
    assert (small.size, small.mode, small.getpixel((50, 30))) == ((100, 67), "I;16", 40_001)


@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP"])
def test_colour_profiles_are_kept(image_format: str) -> None:
    """The colour profile of a picture goes with its smaller copy."""
    data = _encoded(Image.new("RGB", (300, 200), "teal"), image_format, icc_profile=PROFILE)
    assert _opened(ReferenceImage(data).resized(100)).info["icc_profile"] == PROFILE


def test_inks_stay_inks_in_a_jpeg() -> None:
    """A CMYK JPEG is resized as it is, with its colours."""
    data = _encoded(Image.new("CMYK", (300, 200), (10, 200, 90, 30)), "JPEG", quality=95, icc_profile=PROFILE)
    small = _opened(ReferenceImage(data).resized(100))
    assert (small.mode, small.info["icc_profile"]) == ("CMYK", PROFILE)
    assert all(abs(a - b) <= 3 for a, b in zip(small.getpixel((50, 30)), (10, 200, 90, 30), strict=True))


@pytest.mark.parametrize("profile", [None, PROFILE, LAB_PROFILE, b"no profile"])
def test_inks_become_colours_of_a_screen_in_a_png(profile: bytes | None) -> None:
    """A Pillow image in CMYK becomes RGB, and a profile that is of inks, or of something else, does not go with it."""
    image = Image.new("CMYK", (30, 20), (0, 255, 255, 0))
    if profile is not None:
        image.info["icc_profile"] = profile
    sent = _opened(ReferenceImage.of(image))
    assert (sent.mode, sent.getpixel((5, 5)), sent.info.get("icc_profile")) == ("RGB", (255, 0, 0), None)


def test_colours_of_a_lab_picture_follow_its_profile() -> None:
    """Where a profile says what the numbers mean, they are taken so."""
    image = Image.new("LAB", (30, 20), (255, 128, 128))
    image.info["icc_profile"] = LAB_PROFILE
    assert min(_opened(ReferenceImage.of(image)).getpixel((5, 5))) > 250


@pytest.mark.parametrize("mode", ["RGB", "L", "P"])
def test_a_transparent_colour_stays_transparent(mode: str) -> None:
    """Where one colour of a PNG is transparent, the smaller copy has an alpha channel and no seam."""
    image = Image.new(mode, (600, 600), 0)
    ImageDraw.Draw(image).rectangle((300, 0, 600, 600), fill={"RGB": (200, 10, 10), "L": 200, "P": 1}[mode])
    if mode == "P":
        image.putpalette([0, 0, 0, 200, 10, 10])
    small = _opened(
        ReferenceImage(_encoded(image, transparency=(0, 0, 0) if mode == "RGB" else 0)).resized(60)
    ).convert("RGBA")
    assert small.getpixel((5, 30))[3] == 0
    assert small.getpixel((55, 30))[3] == 255


@pytest.mark.parametrize(("image_format", "options"), [("PNG", {}), ("JPEG", {}), ("WEBP", {"lossless": True})])
def test_smaller_copies_stand_upright(image_format: str, options: dict[str, Any]) -> None:
    """What EXIF turns is turned in the smaller copy, which says nothing of turning any more."""
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.new("RGB", (400, 200), "red")
    image.paste((0, 0, 255), (0, 0, 200, 200))
    small = ReferenceImage(_encoded(image, image_format, exif=exif, **options)).resized(100)
    assert small.dimensions() == (50, 100)
    red, _, blue = _opened(small).convert("RGB").getpixel((25, 20))
    assert blue > 240 > 20 > red


def test_pillow_images_are_sent_upright() -> None:
    """A Pillow image of a photograph that is stored on its side is sent as a viewer shows it."""
    exif = Image.Exif()
    exif[0x0112] = 8
    with Image.open(io.BytesIO(_encoded(Image.new("RGB", (40, 20)), "JPEG", exif=exif))) as photograph:
        assert ReferenceImage.of(photograph).dimensions() == (20, 40)


@pytest.mark.parametrize("image_format", ["WEBP", "PNG", "MPO"])
def test_of_an_animation_the_first_picture(image_format: str) -> None:
    """Of a file with several pictures, the smaller copy is the first."""
    frames = [Image.new("RGB", (300, 200), colour) for colour in ("red", "blue")]
    small = _opened(
        ReferenceImage(_encoded(frames[0], image_format, save_all=True, append_images=frames[1:])).resized(100)
    )
    assert getattr(small, "n_frames", 1) == 1
    assert small.convert("RGB").getpixel((50, 30))[0] > 240


def test_heic_needs_its_reader() -> None:
    """Without a reader for HEIC, the refusal names the one to install."""
    data = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200)
    with pytest.raises(InvalidRequestError, match="pillow-heif"):
        ReferenceImage(data).resized(100)


def test_damaged_pictures_are_refused_in_words() -> None:
    """Whatever is wrong with a file, resizing it gives a smaller copy or an InvalidRequestError."""
    image = _lines("RGB").resize((64, 64))
    pictures = [_encoded(image, name) for name in ("PNG", "JPEG", "WEBP")]
    pictures.append(_encoded(image.convert("P")))
    chance = random.Random(3)
    refused = 0
    for _ in range(600):
        data = bytearray(chance.choice(pictures))
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(12, max(len(data), 13))
            if chance.random() < 0.7:
                data[at : at + 1] = bytes([chance.choice([0, 255, chance.randrange(256)])])
            else:
                del data[at:]
        try:
            ReferenceImage(bytes(data)).resized(8)
        except InvalidRequestError:
            refused += 1
    assert refused > 100
