"""Reading Google's features: made-up records of the true size, in an archive like theirs.

`python -m benchmarks.feature_records [--records 200000]`: seconds for two million records, of
this process alone, beside bare unpacking of the archive with gzip.
"""

from __future__ import annotations

import argparse
import gzip
import io
import tarfile
import tempfile
import time
from pathlib import Path

import numpy as np

from ascc_async.learning.google_features import read_features
from ascc_async.standin.released import sequence_example, tfrecord

ALL = 2_084_320


def _make(archive: Path, records: int) -> None:
    """So many records, 500 in a member; like the real ones they hardly compress."""
    random = np.random.default_rng(0)
    with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
        for member in range(records // 500):
            rows = random.normal(128, 60, (500, 10, 128)).clip(0, 255).astype(np.uint8)
            contents = [
                sequence_example(
                    f"{member:06}_{n:04}", 30.0, 40.0, (0, 137, 500), map(bytes, rows[n])
                )
                for n in range(500)
            ]
            content = tfrecord(contents)
            info = tarfile.TarInfo(f"audioset_v1_embeddings/unbal_train/{member:04}.tfrecord")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


def main() -> None:
    """Print what both take."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=200_000)
    records = parser.parse_args().records
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "features.tar.gz"
        _make(archive, records)
        began = time.process_time()
        with gzip.open(archive) as file:
            while file.read(1 << 20):
                pass
        bare = time.process_time() - began
        # One in two hundred is a clip.
        wanted = {b"%06d_%04d" % (n // 500, n % 500) for n in range(0, records, 200)}
        read: list[int] = []
        began, clock = time.process_time(), time.perf_counter()
        found = len(list(read_features(archive, wanted, read.append)))
        ours, waited = time.process_time() - began, time.perf_counter() - clock
    assert (sum(read), found) == (records, len(wanted))
    times = ALL / records
    print(f"{records:,} records; for {ALL:,}: {ours * times:.0f} s of CPU (wanted: about 60),")
    print(f"{ours / bare:.1f} times bare gzip, {bare * times:.0f} s")
    print(f"by the clock {waited * times:.0f} s")


if __name__ == "__main__":
    main()
