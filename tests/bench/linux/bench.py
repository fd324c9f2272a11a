# SPDX-License-Identifier: GPL-2.0-or-later
"""The Python benchmark inside the guest: dictionaries, strings, objects,
calls, floating point; only what the core language has. bench.py ROUNDS"""
import sys


class Tree:
    def __init__(self, depth):
        self.left = Tree(depth - 1) if depth else None
        self.right = Tree(depth - 1) if depth else None

    def count(self):
        return 1 + (self.left.count() + self.right.count()
                    if self.left else 0)


def words(n):
    seen = {}
    x = 12345
    for _ in range(n):
        x = (x * 1103515245 + 12345) % 2147483648
        word = "w%d" % (x >> 20)
        seen[word] = seen.get(word, 0) + 1
    return sum(len(w) * c for w, c in seen.items())


def logistic(n):
    x = 0.5
    for _ in range(n):
        x = 3.7 * x * (1.0 - x)
    return int(x * 1e9)


def queens(n, row=0, columns=0, left=0, right=0):
    if row == n:
        return 1
    found = 0
    free = ~(columns | left | right) & ((1 << n) - 1)
    while free:
        bit = free & -free
        free ^= bit
        found += queens(n, row + 1, columns | bit, (left | bit) << 1,
                        (right | bit) >> 1)
    return found


def main():
    total = 0
    for i in range(int(sys.argv[1])):
        total = (total * 31 + Tree(9).count() + words(3000 + i)
                 + logistic(5000 + i) + queens(6)) % 1000000007
        total += len(sorted(str(k * 7919 % 1009) for k in range(1000)))
    print(total)


main()
