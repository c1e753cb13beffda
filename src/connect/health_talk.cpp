#include "connect/health_talk.hpp"

#include <array>
#include <tuple>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include "connect/connector.hpp"

namespace sluice::connect {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
using kind = health_verdict::kind;

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

health_verdict bad(std::string saw) { return {kind::bad, std::move(saw)}; }

http::request<http::empty_body> request_of(const health_plan& plan, const health_target& target) {
  http::request<http::empty_body> request{http::verb::get, plan.settings.path, 11};
  request.set(http::field::host, plan.settings.host.empty() ? target.authority : plan.settings.host);
  request.set(http::field::user_agent, "sluice-health");
  request.set(http::field::accept, "*/*");
  request.set(http::field::connection, "close");
  return request;
}

/// What came instead of what a step waits for.
health_verdict unlike(const health_step& step, const std::string& answer, std::string_view then) {
  std::string saw = answer.empty() ? "nothing" : excerpt(answer);
  saw.append(then).append(", not ").append(step.wanted_as);
  return bad(std::move(saw));
}

}  // namespace

health_verdict failed(const health_line& line, const error_code& error) {
  const bool is_ours = error.category() == boost::system::system_category() && is_local_shortage(error.value());
  return {is_ours ? kind::unknown : kind::bad, line.doing + ": " + error.message()};
}

asio::awaitable<health_verdict> talk_http(health_line& line, const health_plan& plan, const health_target& target) {
  const http::request<http::empty_body> request = request_of(plan, target);
  line.doing = "sending the request";
  const std::tuple<error_code, std::size_t> sent = co_await http::async_write(line.socket, request, as_result);
  if (std::get<0>(sent)) co_return failed(line, std::get<0>(sent));
  line.doing = "waiting for the answer";
  boost::beast::flat_buffer buffer(health_plan::most_answer_bytes);
  http::response_parser<http::string_body> parser;
  parser.body_limit(boost::none);
  parser.header_limit(static_cast<std::uint32_t>(health_plan::most_answer_bytes));
  const std::tuple<error_code, std::size_t> head =
      co_await http::async_read_header(line.socket, buffer, parser, as_result);
  if (std::get<0>(head) == http::error::end_of_stream) co_return bad("closed without an answer");
  if (std::get<0>(head)) co_return failed(line, std::get<0>(head));
  const unsigned code = parser.get().result_int();
  if (!plan.is_good_status(code)) co_return bad("status " + std::to_string(code));
  std::string saw = "status " + std::to_string(code);
  if (plan.settings.body.empty()) co_return health_verdict{kind::good, std::move(saw)};
  line.doing = "reading the body";
  while (true) {
    const std::string& body = parser.get().body();
    if (body.find(plan.settings.body) != body.npos) co_return health_verdict{kind::good, std::move(saw)};
    if (parser.is_done() || body.size() >= health_plan::most_body_bytes)
      co_return bad(saw + ", and its body lacks " + excerpt(plan.settings.body));
    const std::tuple<error_code, std::size_t> more =
        co_await http::async_read_some(line.socket, buffer, parser, as_result);
    if (std::get<0>(more)) co_return failed(line, std::get<0>(more));
  }
}

asio::awaitable<health_verdict> talk_steps(health_line& line, const health_plan& plan) {
  std::string answer;
  std::string good;
  for (const health_step& step : plan.steps) {
    if (!step.send.empty()) {
      line.doing = "sending";
      const std::tuple<error_code, std::size_t> sent =
          co_await asio::async_write(line.socket, asio::buffer(step.send), as_result);
      if (std::get<0>(sent)) co_return failed(line, std::get<0>(sent));
    }
    if (step.wanted == health_step::match::nothing) continue;
    line.doing = "waiting for " + step.wanted_as;
    answer.clear();
    while (true) {
      std::array<char, 4096> bytes;
      const std::tuple<error_code, std::size_t> got =
          co_await line.socket.async_read_some(asio::buffer(bytes), as_result);
      if (std::get<0>(got) == asio::error::eof) co_return unlike(step, answer, " and an end of file");
      if (std::get<0>(got)) co_return failed(line, std::get<0>(got));
      answer.append(bytes.data(), std::get<1>(got));
      const match_result found = matches(step, answer);
      if (found == match_result::yes) break;
      if (found == match_result::hopeless) co_return unlike(step, answer, ": the expression takes too long");
      if (answer.size() >= health_plan::most_answer_bytes) co_return unlike(step, answer, " and more");
    }
    good = excerpt(answer);
  }
  co_return health_verdict{kind::good, std::move(good)};
}

}  // namespace sluice::connect
