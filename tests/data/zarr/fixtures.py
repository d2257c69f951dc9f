"""Arrays written by the zarr package, which tests/data/zarr_test.cpp reads; and the other way round.

  fixtures.py make FOLDER    the arrays of this folder: v2 with zarr 2.18, v3 with zarr 3.1 (pip install "zarr<3" numcodecs)
  fixtures.py check FOLDER   reads every array that ZarrArray wrote under FOLDER and compares

Sample (i, j) is i + 100 j, of complex types (1 - 0.5 i) times that.
"""
import sys

import numpy as np
import zarr

SHAPE, CHUNKS = (7, 5), (4, 3)


def values(dtype, shape=SHAPE):
    x = np.arange(shape[0])[:, None] + 100 * np.arange(shape[1])[None, :]
    return (x - 0.5j * x if np.dtype(dtype).kind == "c" else x).astype(dtype)


def make_v2(root):
    from numcodecs import Blosc, GZip, Zlib, Zstd

    group = zarr.open_group(root, mode="w")

    def put(name, dtype, compressor, **more):
        array = group.create_dataset(name, shape=SHAPE, chunks=CHUNKS, dtype=dtype, compressor=compressor, **more)
        array[:] = values(dtype)

    put("raw_f4", "<f4", None)
    put("zlib_c8", "<c8", Zlib(5))
    put("gzip_i2", "<i2", GZip(5))
    put("zstd_f8", "<f8", Zstd(3))
    put("blosc_c8", "<c8", Blosc("lz4", 5, 1))
    put("blosc_bits_f4", "<f4", Blosc("zstd", 5, 2))
    put("big_endian", ">f4", Zlib(1))
    put("transposed", "<i4", None, order="F")
    put("other_names", "<f4", None, dimension_separator="/")
    holes = group.create_dataset("holes", shape=SHAPE, chunks=CHUNKS, dtype="<f4", compressor=None, fill_value=np.nan)
    holes[0:4, 0:3] = values("<f4")[0:4, 0:3]
    group.create_dataset("empty_c8", shape=SHAPE, chunks=CHUNKS, dtype="<c8", compressor=None, fill_value=3 - 4j)


def make_v3(root):
    from zarr.codecs import BloscCodec, BytesCodec, Crc32cCodec, GzipCodec, TransposeCodec, ZstdCodec

    group = zarr.open_group(root, mode="w", zarr_format=3)

    def put(name, dtype, compressors, **more):
        array = group.create_array(name, shape=SHAPE, chunks=CHUNKS, dtype=dtype, compressors=compressors, **more)
        array[:] = values(dtype)

    put("raw_f4", "float32", None)
    put("gzip_i2", "int16", [GzipCodec(level=5)])
    put("zstd_f8", "float64", [ZstdCodec(level=3)])
    put("blosc_c8", "complex64", [BloscCodec(cname="lz4", clevel=5, shuffle="shuffle", typesize=8)])
    put("crc_f4", "float32", [ZstdCodec(level=1), Crc32cCodec()])
    put("transposed", "int32", None, filters=[TransposeCodec(order=(1, 0))])
    put("big_endian", "float32", None, serializer=BytesCodec(endian="big"))
    put("other_names", "float32", None, chunk_key_encoding={"name": "v2", "separator": "."})
    holes = group.create_array("holes", shape=SHAPE, chunks=CHUNKS, dtype="float32", compressors=None, fill_value=np.nan)
    holes[0:4, 0:3] = values("float32")[0:4, 0:3]
    group.create_array("empty_c8", shape=SHAPE, chunks=CHUNKS, dtype="complex64", compressors=None, fill_value=3 - 4j)


def check(root):
    group = zarr.open_group(root, mode="r")
    names = sorted(name for name, _ in group.arrays())
    assert names, "no arrays"
    for name in names:
        array = group[name]
        assert array.shape == SHAPE and array.chunks == CHUNKS, name
        assert np.array_equal(array[:], values(array.dtype)), name
        print("equal:", name, array.dtype)


if sys.argv[1] == "make":
    (make_v3 if zarr.__version__.startswith("3") else make_v2)(sys.argv[2])
else:
    check(sys.argv[2])
