export type Colour = readonly [red: number, green: number, blue: number];
type Place = readonly [x: number, y: number];

/** What draws on a page; points (1/72 inch) from the lower left, parts of a colour from 0 to 1. */
export interface Drawing {
  readonly line: (colour: Colour, width: number, places: readonly Place[]) => void;
  readonly dot: (colour: Colour, x: number, y: number, radius: number) => void;
  readonly ring: (colour: Colour, x: number, y: number, radius: number) => void;
  readonly text: (x: number, y: number, size: number, colour: Colour, text: string) => void;
}

/** A drawing of a stated size, for any form that it is written in. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly title: string;
  readonly draw: (drawing: Drawing) => void;
}
