// SPDX-License-Identifier: MIT
//
// news.cc - the C++ operators: new and delete in all their forms, through the
// malloc that is there
//
//     news            prints ok or not ok for each

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <vector>

static int failures;

static void say(bool good, const char *what)
{
    std::printf("%s - %s\n", good ? "ok" : "not ok", what);
    failures += !good;
}

template <std::size_t Align> struct alignas(Align) Wide {
    unsigned char bytes[Align * 3];
    Wide() { bytes[0] = 1; bytes[sizeof bytes - 1] = 2; }
};

template <std::size_t Align> static bool aligned_new()
{
    bool good = true;

    for (int i = 0; i < 50; i++) {
        auto one = std::make_unique<Wide<Align>>();
        auto many = std::make_unique<Wide<Align>[]>(3);

        good = good &&
               reinterpret_cast<std::uintptr_t>(one.get()) % Align == 0 &&
               reinterpret_cast<std::uintptr_t>(many.get()) % Align == 0 &&
               many[2].bytes[0] == 1;
    }
    return good;
}

// What a static constructor allocates, main finds and a destructor frees.
struct Early {
    std::map<std::string, std::vector<int>> things;
    Early()
    {
        for (int i = 0; i < 1000; i++)
            things["number " + std::to_string(i)].assign(
                static_cast<std::size_t>(i), i);
    }
    ~Early() { things.clear(); }
};

static Early early;

static volatile std::size_t too_much =
    std::numeric_limits<std::size_t>::max() / 4;

// In thread-local storage: its destructor runs when the thread ends.
static thread_local std::vector<std::string> late;

int main()
{
    bool good = early.things.size() == 1000 &&
                early.things["number 999"].back() == 999;

    say(good, "what a static constructor allocated");

    std::vector<std::string> strings;
    for (int i = 0; i < 100000; i++)
        strings.push_back(std::string(static_cast<std::size_t>(i % 100), 'x'));
    good = true;
    for (int i = 0; i < 100000; i++)
        good = good && strings[static_cast<std::size_t>(i)].size() ==
                           static_cast<std::size_t>(i % 100);
    say(good, "a hundred thousand strings in a vector");

    say(aligned_new<32>() && aligned_new<64>() && aligned_new<256>() &&
            aligned_new<4096>() && aligned_new<65536>(),
        "aligned new, from 32 to 64 KiB");

    good = false;
    try {
        delete[] new char[too_much];
    } catch (const std::bad_alloc &) {
        good = true;
    }
    say(good, "new throws bad_alloc for what cannot be");
    say(new (std::nothrow) char[too_much] == nullptr &&
            new (std::nothrow) Wide<64>() != nullptr,
        "nothrow new answers a null pointer");
    say(operator new(0) != operator new(0), "new of nothing is unique");

    good = true;
    for (int i = 0; i < 200; i++) {
        std::vector<std::string> from;
        std::thread thread([&from] {
            late.assign(100, std::string(50, 'l'));
            from.assign(100, std::string(50, 'f'));
        });
        thread.join();
        good = good && from.size() == 100 && from[99].size() == 50;
    }
    say(good, "threads with destructors of their own");
    return failures > 0;
}
