// contiguous.hpp - windows of a stream in their order, for passes that go on from the one before.
//
// Of n windows row b of batch i is window b floor(n / B) + i: each row of the batches, read one after the other, is a
// part of the stream without gaps. The rest, fewer than B windows, is left out.
#pragma once

#include "long_sequence/parts.hpp"

namespace longwave::examples {

// At most `batch` rows; ValueError where the part has fewer windows and `all_rows` are needed. The part must outlive
// it.
std::unique_ptr<Batches> make_contiguous_batches(const Part& part, index_t batch, bool all_rows);

}  // namespace longwave::examples
