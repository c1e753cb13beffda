#pragma once

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

namespace sluice::test {

enum class record_type : std::uint16_t { a = 1, cname = 5, aaaa = 28, srv = 33 };

struct dns_question {
  std::string name;  ///< lower case
  record_type type = record_type::a;
  bool over_tcp = false;
};

struct dns_record {
  record_type type = record_type::a;
  std::string value;  ///< an IP literal, a name, or "PRIORITY WEIGHT PORT NAME"
  std::uint32_t ttl = 0;
  std::string owner = {};  ///< if it is not the name that was asked for
};

/// What the server does with one question.
struct dns_reply {
  enum class action { answer, silence, truncate, spoof_first };

  std::vector<dns_record> records;
  std::uint16_t rcode = 0;
  action what = action::answer;
  std::vector<dns_record> additional = {};
};

inline constexpr std::uint16_t rcode_servfail = 2;
inline constexpr std::uint16_t rcode_nxdomain = 3;

/// A DNS server on 127.0.0.1, UDP and TCP on one port, that does what its script says. Thread: the io_context's.
class scripted_dns_server {
 public:
  using script = std::function<dns_reply(const dns_question&)>;
  /// What spoof_first says, under a wrong id, before the true answer.
  static constexpr const char* spoofed_address = "6.6.6.6";

  explicit scripted_dns_server(boost::asio::io_context& io) : tcp_(io), udp_(io) {
    using boost::asio::ip::tcp;
    using boost::asio::ip::udp;
    const auto host = boost::asio::ip::address_v4::loopback();
    // A free port of one protocol may be taken in the other: look for one free in both.
    for (int i = 0; i < 100 && !udp_.is_open(); ++i) {
      tcp_ = tcp::acceptor(io, tcp::endpoint(host, 0));
      boost::system::error_code taken;
      udp_.open(udp::v4());
      udp_.bind({host, tcp_.local_endpoint().port()}, taken);
      if (taken) udp_.close();
    }
    receive();
    accept();
  }

  std::string address() const { return "127.0.0.1:" + std::to_string(tcp_.local_endpoint().port()); }
  void answer_with(script next) { script_ = std::move(next); }
  const std::vector<dns_question>& questions() const { return questions_; }
  std::size_t asked(record_type type) const {
    std::size_t n = 0;
    for (const dns_question& question : questions_) n += question.type == type ? 1U : 0U;
    return n;
  }

 private:
  using bytes = std::vector<unsigned char>;

  void receive() {
    udp_.async_receive_from(boost::asio::buffer(received_), sender_, [this](auto error, std::size_t n) {
      if (error) return;
      for (const bytes& message : react({received_.data(), n}, false)) {
        boost::system::error_code gone;
        udp_.send_to(boost::asio::buffer(message), sender_, 0, gone);
      }
      receive();
    });
  }

  struct tcp_question {
    boost::asio::ip::tcp::socket socket;
    std::array<unsigned char, 2> size{};
    bytes message{};
  };

  void accept() {
    tcp_.async_accept([this](auto error, boost::asio::ip::tcp::socket socket) {
      if (error) return;
      read(std::make_shared<tcp_question>(tcp_question{std::move(socket)}));
      accept();
    });
  }

  void read(const std::shared_ptr<tcp_question>& asked) {
    using boost::asio::buffer;
    boost::asio::async_read(asked->socket, buffer(asked->size), [this, asked](auto error, std::size_t) {
      if (error) return;
      asked->message.resize(static_cast<std::size_t>(asked->size[0] << 8 | asked->size[1]));
      boost::asio::async_read(asked->socket, buffer(asked->message), [this, asked](auto cut, std::size_t) {
        if (cut) return;
        for (const bytes& reply : react(asked->message, true)) {
          const std::array<unsigned char, 2> length{high(reply.size()), low(reply.size())};
          boost::system::error_code gone;
          boost::asio::write(asked->socket, buffer(length), gone);
          boost::asio::write(asked->socket, buffer(reply), gone);
        }
        read(asked);
      });
    });
  }

  std::vector<bytes> react(std::span<const unsigned char> message, bool over_tcp) {
    constexpr std::size_t header = 12;
    if (message.size() < header + 5) return {};
    dns_question question;
    question.over_tcp = over_tcp;
    std::size_t at = header;
    while (at < message.size() && message[at] != 0) {
      if (!question.name.empty()) question.name += '.';
      for (std::size_t left = message[at++]; left > 0 && at < message.size(); --left, ++at) {
        question.name += static_cast<char>(std::tolower(message[at]));
      }
    }
    if (at + 5 > message.size()) return {};
    question.type = static_cast<record_type>(message[at + 1] << 8 | message[at + 2]);
    const std::span<const unsigned char> asked = message.subspan(header, at + 5 - header);
    questions_.push_back(question);
    const dns_reply reply = script_ ? script_(question) : dns_reply{};
    const auto id = static_cast<std::uint16_t>(message[0] << 8 | message[1]);
    switch (reply.what) {
      case dns_reply::action::silence: return {};
      case dns_reply::action::truncate:
        if (!over_tcp) return {write_out(id, true, asked, {})};
        break;
      case dns_reply::action::spoof_first: {
        dns_reply lie;
        lie.records = {{record_type::a, spoofed_address, 300}};
        const auto wrong_id = static_cast<std::uint16_t>(id ^ 0x5555U);
        return {write_out(wrong_id, false, asked, lie), write_out(id, false, asked, reply)};
      }
      case dns_reply::action::answer: break;
    }
    return {write_out(id, false, asked, reply)};
  }

  static bytes write_out(std::uint16_t id, bool truncated, std::span<const unsigned char> asked,
                         const dns_reply& reply) {
    bytes out;
    put(out, id);
    put(out, static_cast<std::uint16_t>(0x8180U | (truncated ? 0x0200U : 0U) | reply.rcode));
    put(out, 1);
    put(out, reply.records.size());
    put(out, 0);
    put(out, reply.additional.size());
    out.insert(out.end(), asked.begin(), asked.end());
    for (const dns_record& record : reply.records) put_record(out, record);
    for (const dns_record& record : reply.additional) put_record(out, record);
    return out;
  }

  static void put_record(bytes& out, const dns_record& record) {
    if (record.owner.empty())
      put(out, 0xc00c);  // the name asked for
    else
      put_name(out, record.owner);
    put(out, static_cast<std::uint16_t>(record.type));
    put(out, 1);
    put(out, record.ttl >> 16);
    put(out, record.ttl & 0xffffU);
    const bytes data = record_data(record);
    put(out, data.size());
    out.insert(out.end(), data.begin(), data.end());
  }

  static bytes record_data(const dns_record& record) {
    if (record.type == record_type::a) {
      const auto raw = boost::asio::ip::make_address_v4(record.value).to_bytes();
      return {raw.begin(), raw.end()};
    }
    if (record.type == record_type::aaaa) {
      const auto raw = boost::asio::ip::make_address_v6(record.value).to_bytes();
      return {raw.begin(), raw.end()};
    }
    bytes data;
    std::istringstream words(record.value);
    if (record.type == record_type::srv) {
      for (int i = 0; i < 3; ++i) {
        std::size_t number = 0;
        words >> number;
        put(data, number);
      }
    }
    std::string name;
    words >> name;
    put_name(data, name);
    return data;
  }

  static void put_name(bytes& out, const std::string& name) {
    for (std::size_t at = 0; at < name.size();) {
      const std::size_t dot = std::min(name.find('.', at), name.size());
      out.push_back(low(dot - at));
      out.insert(out.end(), name.begin() + static_cast<long>(at), name.begin() + static_cast<long>(dot));
      at = dot + 1;
    }
    out.push_back(0);
  }

  static unsigned char high(std::size_t value) { return static_cast<unsigned char>(value >> 8U & 0xffU); }
  static unsigned char low(std::size_t value) { return static_cast<unsigned char>(value & 0xffU); }
  static void put(bytes& out, std::size_t value) {
    out.push_back(high(value));
    out.push_back(low(value));
  }

  boost::asio::ip::tcp::acceptor tcp_;
  boost::asio::ip::udp::socket udp_;
  boost::asio::ip::udp::endpoint sender_;
  std::array<unsigned char, 4096> received_{};
  script script_;
  std::vector<dns_question> questions_;
};

}  // namespace sluice::test
