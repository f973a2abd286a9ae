import { describe, expect, test } from "vitest";
import { follow, infer, ints, of, shapes, work } from "../../../test/support/operators.js";

describe("attention", () => {
  test("4-D heads with a cache", () => {
    const facts = [of([2, 24, 16, 128]), of([2, 8, 16, 128]), of([2, 8, 16, 128]), null];
    const past = of([2, 8, 4, 128]);
    expect(shapes("Attention", [...facts, past, past], {}, 3).slice(0, 3)).toEqual([
      ...[
        [2, 24, 16, 128],
        [2, 8, 20, 128],
        [2, 8, 20, 128],
      ],
    ]);
  });

  test("3-D heads by attribute; their number must be known", () => {
    const facts = [of([2, 16, 64]), of([2, 16, 32]), of([2, 16, 32])];
    expect(shapes("Attention", facts, { q_num_heads: 8, kv_num_heads: 4 })[0]).toEqual([2, 16, 64]);
    expect(() => infer("Attention", facts)).toThrow(/heads/);
  });

  test("of the runtime, packed and grouped", () => {
    expect(
      shapes(
        "com.microsoft::MultiHeadAttention",
        [of([2, 16, 64]), of([2, 16, 64]), of([2, 16, 64])],
        {
          num_heads: 4,
        },
      )[0],
    ).toEqual([2, 16, 64]);
    const grouped = "com.microsoft::GroupQueryAttention";
    const attributes = { num_heads: 4, kv_num_heads: 2 };
    const packed = [of([2, 16, 128]), null, null, of([2, 2, 0, 16]), null, of([2]), ints(16)];
    expect(shapes(grouped, packed, attributes, 2)).toEqual([
      ...[
        [2, 16, 64],
        [2, 2, 16, 16],
        [2, 2, 16, 16],
      ],
    ]);
  });

  test("on pages of a cache takes sequences to be equally long", () => {
    const op = "com.microsoft::PagedAttention";
    const attributes = { num_heads: 8, kv_num_heads: 2 };
    const [tokens, keys, cache, offsets] = [[96, 128], [96, 32], [20, 16, 2, 16], [4]];
    const facts = [tokens, keys, keys, cache, cache, offsets].map((shape) => of(shape));
    expect(shapes(op, facts, attributes, 3)).toEqual([tokens, cache, cache]);
    const packed = [of([96, 192]), null, null, ...facts.slice(3)];
    expect(shapes(op, packed, attributes, 3)[0]).toEqual(tokens);
    expect(
      work(op, [tokens, keys, keys, cache, cache, offsets], [tokens], attributes),
    ).toMatchObject({
      work: { b: 3, heads: 8, kv_heads: 2, q_len: 32, kv_len: 32, head_dim: 16, causal: true },
    });
  });

  test("keeps to the runtime's window where it is narrower than the keys", () => {
    const inputs = [
      [2, 16, 64],
      [2, 16, 32],
      [2, 16, 32],
    ];
    const windowed = (local_window_size: number) =>
      work("com.microsoft::GroupQueryAttention", inputs, [[2, 16, 64]], {
        ...{ num_heads: 4, kv_num_heads: 2, local_window_size },
      });
    expect(windowed(8)).toMatchObject({ work: { kv_len: 16, window: 8, causal: true } });
    for (const none of [-1, 16, 100]) {
      const found = windowed(none);
      expect(found.kind === "kernel" && "window" in found.work).toBe(false);
    }
  });

  test("follows batch and heads, not lengths of keys", () => {
    const inputs = [
      [2, 24, 16, 128],
      [2, 8, 16, 128],
      [2, 8, 16, 128],
    ];
    const at = (input: number, axis: number) =>
      follow("Attention", inputs, [[2, 24, 16, 128]], [input, axis])[0];
    expect([at(0, 0), at(0, 1), at(0, 2), at(1, 1), at(1, 2)]).toEqual([0, 1, 2, 1, "lost"]);
  });

  test("is one causal kernel with fewer key heads", () => {
    const inputs = [
      [2, 24, 16, 128],
      [2, 8, 16, 128],
      [2, 8, 16, 128],
    ];
    expect(work("Attention", inputs, [[2, 24, 16, 128]], { is_causal: 1 })).toMatchObject({
      class: "attn",
      work: { b: 2, heads: 24, kv_heads: 8, q_len: 16, kv_len: 16, head_dim: 128, causal: true },
    });
  });
});

test("rotary embedding keeps its shape and axes", () => {
  expect(shapes("RotaryEmbedding", [of([2, 4, 16, 64]), of([16, 32]), of([16, 32])])).toEqual([
    [2, 4, 16, 64],
  ]);
  expect(follow("RotaryEmbedding", [[2, 4, 16, 64]], [[2, 4, 16, 64]], [0, 1])).toEqual([1]);
  expect(work("RotaryEmbedding", [[2, 4, 16, 64]], [[2, 4, 16, 64]])).toMatchObject({
    class: "rope",
  });
});
