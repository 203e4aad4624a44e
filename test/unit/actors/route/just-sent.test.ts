import { describe, expect, test } from 'vitest';
import { JustSent } from '../../../../actors/route/just-sent.ts';
import { Delivery } from '../../../../actors/route/delivery.ts';
import { readBatch } from '../../../../actors/message/batch.ts';
import { batchOf } from '../../../support/batches.ts';

const delivery = new Delivery(readBatch(batchOf(16, 3), false), new Uint8Array(0), 3);

function add(sent: JustSent, carrier: string, index: number, id: string): void {
  const octets = Buffer.from(`..${id}..`);
  sent.add(carrier, delivery, index, octets, 2, id.length);
}

function find(sent: JustSent, carrier: string, id: string): number {
  return sent.find(carrier, Buffer.from(id), 0, id.length);
}

describe('messages that have just been sent', () => {
  test('are found by carrier and id, whatever case and leading zeros it is written with', () => {
    const sent = new JustSent();
    add(sent, 'one', 0, '00aB1');
    add(sent, 'two', 1, '00aB1');
    add(sent, 'one', 2, 'ab2');
    const places = ['AB1', '0ab1', 'ab1'].map(id => find(sent, 'one', id));
    expect(places.map(place => sent.indexOf(place))).toEqual([0, 0, 0]);
    expect(sent.indexOf(find(sent, 'two', 'AB1'))).toBe(1);
    expect(sent.indexOf(find(sent, 'one', '000AB2'))).toBe(2);
    expect(sent.deliveryOf(places[0]!)).toBe(delivery);
    expect([find(sent, 'two', 'ab2'), find(sent, 'three', 'AB1'), find(sent, 'one', '')]).toEqual([-1, -1, -1]);
  });

  test('the newest is found where a carrier gives an id twice', () => {
    const sent = new JustSent();
    add(sent, 'one', 0, '7');
    add(sent, 'one', 1, '7');
    expect(sent.indexOf(find(sent, 'one', '7'))).toBe(1);
  });

  test('one whose final fate has been told is not found again', () => {
    const sent = new JustSent();
    add(sent, 'one', 0, '7');
    add(sent, 'one', 1, '8');
    sent.tell(find(sent, 'one', '7'));
    expect(find(sent, 'one', '7')).toBe(-1);
    expect(sent.indexOf(find(sent, 'one', '8'))).toBe(1);
  });

  test('none is found when the store has them', () => {
    const sent = new JustSent();
    add(sent, 'one', 0, '7');
    sent.tell(find(sent, 'one', '7'));
    sent.clear();
    expect([sent.count, find(sent, 'one', '7')]).toEqual([0, -1]);
    add(sent, 'one', 2, '7');
    expect(sent.indexOf(find(sent, 'one', '7'))).toBe(2);
  });

  test('all of thousands are found, and what is beyond the bound is not kept', () => {
    const sent = new JustSent();
    const ids = Array.from({ length: 33_000 }, (_, i) => i.toString(16));
    ids.forEach((id, i) => add(sent, 'one', i % 256, id));
    expect(sent.count).toBe(32_768);
    const wrong = ids.filter((id, i) => {
      const place = find(sent, 'one', id);
      return i < sent.count ? sent.indexOf(place) !== i % 256 : place !== -1;
    });
    expect(wrong).toEqual([]);
  });
});
