#pragma once

#include "options.hpp"
#include "table.hpp"

namespace sluice::bench::lab {

// A table each, in the file of its name.
table file_to_file(const options& wanted);
table file_to_socket(const options& wanted);
table socket_to_socket(const options& wanted);
table user_to_socket(const options& wanted);
table one_to_two(const options& wanted);
table message_sizes(const options& wanted);

}  // namespace sluice::bench::lab
