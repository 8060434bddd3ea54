"""Makes the images of the README from the screenshots: readme_images.py SCREENSHOTS. Needs Pillow."""
import pathlib
import sys

from PIL import Image

ROOT = pathlib.Path(__file__).parent.parent.parent
IMAGES = {"now-light": (900, 560), "run-fan-dark": (900, 560), "run-failed-phone": (390, 760)}

for name, (width, height) in IMAGES.items():
    image = Image.open(pathlib.Path(sys.argv[1]) / f"{name}.png").convert("RGB")
    image = image.resize((width, round(image.height * width / image.width)), Image.Resampling.LANCZOS)
    image = image.crop((0, 0, width, min(height, image.height)))
    # The other methods make rare colours, such as those of states, those of their frequent neighbours.
    image = image.quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    image.save(ROOT / "docs/images" / f"dashboard-{name}.png", optimize=True)
