// launches.hpp - what is counted from here on belongs to this part of a step; "" ends the count and prints the sum.
#pragma once

#include <string>

void count_part(const std::string& name);

// step(part) twice, of which the first is not counted: it takes working memory. part(name) begins a part.
template <class Step>
void count_second(Step step) {
  step([](const std::string&) {});
  step([](const std::string& name) { count_part(name); });
  count_part("");
}
