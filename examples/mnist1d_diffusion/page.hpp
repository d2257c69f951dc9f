// page.hpp - the HTML report of a run: table, curves of the losses, bars with the spread of the repeats, samples beside
// their targets.
#pragma once

#include <string>

#include "mnist1d_diffusion/results.hpp"

namespace longwave::examples::mnist1d_diffusion {

// The newest file of details in a folder, or the file itself. ValueError where there is none.
std::string find_details(const std::string& path);

// Text is in the page, not the file it names.
std::string page_html(const SweepResult& result);

void write_page(const SweepResult& result, const std::string& path);

}  // namespace longwave::examples::mnist1d_diffusion
