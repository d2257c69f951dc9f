// launches.hpp - what is counted from here on belongs to this part of a step; "" ends the count and prints the sum.
#pragma once

#include <string>

void count_part(const std::string& name);
