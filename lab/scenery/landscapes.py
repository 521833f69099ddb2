"""Lays out land: roads, water, houses and their gardens, fields, woods, and what is parked and drives there."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageFilter

from lab.scenery.aerial import (
    BACKGROUND,
    BUILDING,
    GRASS,
    POOL,
    ROAD,
    TREE,
    VEHICLE,
    WATER,
    Array,
    Frame,
    Land,
    normals,
    rgb,
)

SOILS = [(158, 128, 96), (136, 112, 88), (172, 148, 114), (146, 130, 110), (124, 98, 78)]
PAVING = [(158, 152, 144), (142, 138, 134), (170, 162, 148), (134, 128, 118)]
GREENS = [(92, 120, 60), (106, 128, 68), (82, 108, 56), (120, 132, 76)]
STRAW = [(150, 142, 92), (162, 148, 98), (136, 132, 84)]
STUBBLE = [(178, 156, 106), (188, 168, 120), (168, 144, 104)]
LEAVES = [(60, 84, 46), (72, 94, 50), (50, 74, 46), (84, 100, 54), (46, 66, 46), (92, 96, 54)]
ASPHALT = [(104, 104, 108), (122, 120, 118), (90, 92, 96), (136, 132, 126)]
DIRT = [(164, 138, 106), (150, 128, 102), (176, 154, 124)]
SAND = [(196, 180, 146), (182, 164, 130), (164, 146, 118)]
PITCHED = [(152, 80, 60), (124, 70, 58), (92, 90, 92), (124, 122, 120), (74, 70, 70), (100, 112, 128), (140, 114, 92)]
FLAT = [(130, 128, 126), (162, 160, 154), (110, 108, 108), (200, 196, 190), (142, 132, 118)]
DEPTHS = [(38, 58, 66), (50, 74, 72), (68, 80, 66), (36, 64, 86), (78, 84, 68)]
BASINS = [(92, 190, 202), (70, 172, 198), (122, 206, 208), (88, 162, 172)]
CARS = [(232, 232, 230), (226, 226, 224), (190, 192, 194), (124, 126, 130), (48, 50, 54), (62, 62, 66)]
CARS += [(156, 44, 40), (48, 72, 124), (122, 112, 92), (60, 92, 72), (204, 172, 62)]
MATERIALS = {
    colour: material
    for material, lists in {
        "soil": (SOILS, DIRT, SAND), "stone": (PAVING,), "plant": (GREENS,), "dry": (STRAW, STUBBLE), "leaf": (LEAVES,),
        "asphalt": (ASPHALT,), "roof": (PITCHED, FLAT), "water": (DEPTHS, BASINS), "paint": (CARS,),
    }.items()
    for colours in lists
    for colour in colours
}  # fmt: skip
GLASS, WHITE, PANELS, BRICK = rgb(36, 42, 50), rgb(214, 212, 206), rgb(44, 50, 70), rgb(120, 90, 80)

STEP = 2.0  # metres between the points of a course


@dataclass(frozen=True)
class Road:
    """Its middle line (P, 2), half its width, and whether it is paved."""

    points: Array
    half: float
    paved: bool

    def at(self, i: int, against: bool = False) -> Frame:
        """A frame on the middle line, u along the road and v to the right of who drives there."""
        before, after = self.points[max(i - 1, 0)], self.points[min(i + 1, len(self.points) - 1)]
        angle = np.arctan2(*(after - before)[::-1])
        x, y = self.points[i].tolist()
        return Frame(x, y, float(angle) + np.pi * against)


class Site:
    """A land that fills up: what is taken is a list of circles (x, y, radius)."""

    def __init__(self, land: Land, rng: np.random.Generator):
        self.land, self.rng = land, rng
        self.taken = np.zeros((0, 3))
        self.roads: list[Road] = []
        self.shores: list[tuple[Array, Array]] = []  # outlines of the beach and of the water in it
        self.trees: list[tuple[float, float, float]] = []
        self.leaves = [self.tone(LEAVES) for _ in range(3)]
        self.turf = blend(self.tone(GREENS), self.tone(STRAW if rng.random() < 0.4 else GREENS), land.noise(12))
        self.soil = blend(self.tone(SOILS), self.tone(SOILS), land.noise(18, octaves=4))

    def tone(self, colours: Sequence[tuple[int, int, int]], spread: float = 7) -> Array:
        """One of the colours, a little off, with what else its material reflects where the land has more bands."""
        drawn, own = self.rng.choice(colours), self.rng.normal(0, spread)
        return self.land.spectrum(drawn + own + self.rng.normal(0, spread / 4, 3), MATERIALS[tuple(drawn.tolist())])

    def chance(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def count(self, low: int, high: int) -> int:
        """A whole number, below high."""
        return int(self.rng.integers(low, high))

    def free(self, x: float, y: float, radius: float) -> bool:
        gaps = np.hypot(self.taken[:, 0] - x, self.taken[:, 1] - y) - self.taken[:, 2]
        return not len(gaps) or bool(gaps.min() > radius)

    def take(self, *circles: tuple[float, float, float]) -> None:
        self.taken = np.concatenate([self.taken, np.array(circles)])

    def anywhere(self, margin: float = 0.0) -> Frame:
        x, y = self.rng.uniform(margin, self.land.metres - margin, 2).tolist()
        return Frame(x, y, self.rng.uniform(0, 2 * np.pi))

    def inside(self, x: float, y: float, margin: float = 0.0) -> bool:
        return min(x, y) > margin and max(x, y) < self.land.metres - margin


def blend(one: Array, other: Array, noise: Array) -> Array:
    """A map (3, S, S) of two colours, by noise."""
    return one + (other - one) / (1 + np.exp(-2.5 * noise))


def course(site: Site, at: Frame, back: float, forth: float, bend: float) -> Array:
    """A winding line (P, 2) through a frame, from `back` metres before it to `forth` metres behind."""
    far = np.arange(-back, forth + STEP, STEP)
    phase, wave = site.rng.uniform(0, 2 * np.pi), site.rng.uniform(14, 30)
    angle = at.angle + bend * (np.sin(far / wave + phase) - np.sin(phase))
    points = np.cumsum(STEP * np.stack([np.cos(angle), np.sin(angle)], 1), axis=0)
    return points - points[round(back / STEP)] + (at.x, at.y)


def open_ground(site: Site, grass: float) -> None:
    """Soil with grass on it in patches; more for a higher number, about half of it for 0."""
    land = site.land
    land.colour[:] = site.soil
    if grass > -2:
        grown = land.noise(26, octaves=5) < grass
        land.paint(np.s_[:, :], grown, site.turf, GRASS, 0.0)


def fields(site: Site, meadows: float) -> None:
    """Parallel fields: meadows, mown or not, ploughed land with furrows, stubble."""
    land, rng = site.land, site.rng
    angle, middle = rng.uniform(0, np.pi), land.metres / 2
    axis = Frame(middle, middle, float(angle))
    across = (land.y - middle) * math.cos(angle) - (land.x - middle) * math.sin(angle)
    near = -0.75 * land.metres
    while near < 0.75 * land.metres:
        far = near + rng.uniform(14, 45)
        period, phase = rng.uniform(2, 5), rng.uniform(0, 6)
        stripes = np.sin(across * (2 * np.pi / period) + phase) * rng.uniform(0, 0.06)
        cut = rng.uniform(-0.7, 0.7) * land.metres  # a field ends somewhere, and another begins
        for left, right in ((-land.metres, cut), (cut, land.metres)):
            grown = site.chance(meadows)
            other = site.tone(SOILS + STUBBLE)
            colour = site.turf + rng.normal(0, 9) if grown else 0.35 * site.soil + 0.65 * other
            area = axis.rectangle(left, right, near, far)
            land.polygon(area, colour * (1 + stripes), GRASS if grown else BACKGROUND)
        near = far + rng.choice([0, 0, 3])


def lay(
    site: Site, at: Frame, half: float, paved: bool, back: float = 150, forth: float = 150, bend: float = 0.3
) -> None:
    """A road; it is painted by `pave` when the ground beside it is done."""
    points = course(site, at, back, forth, bend)
    start, middle = round(back / STEP), site.land.metres / 2
    gone = np.flatnonzero((abs(points - middle) > middle + 12).any(1))  # a road that leaves does not come back
    points = points[gone[gone < start].max(initial=-1) + 1 : gone[gone > start].min(initial=len(points))]
    if len(points) > 3:
        site.roads.append(Road(points, half, paved))
        site.take(*((float(x), float(y), half) for x, y in points))


def street_plan(site: Site, half: float) -> None:
    """A winding street through the middle, streets that leave it, and sometimes one beside it."""
    rng = site.rng
    lay(site, site.anywhere(site.land.metres / 3), half, True, bend=rng.uniform(0, 0.35))
    main, far = site.roads[0], rng.uniform(-10, 10)
    for side in (False, True):
        place = round(len(main.points) / 2 + far / STEP)
        junction = main.at(min(max(place, 2), len(main.points) - 3), against=side)
        if site.chance(0.75):
            leaving = junction.moved(0, 0, np.pi / 2 + rng.uniform(-0.2, 0.2))
            lay(site, leaving, half * rng.uniform(0.75, 0.95), site.chance(0.85), back=0, bend=rng.uniform(0, 0.3))
        far += rng.uniform(32, 48) * rng.choice([-1, 1])


def pave(site: Site, pavements: bool) -> None:
    """Paints the roads: pavements beside them, worn tracks, markings."""
    land, rng = site.land, site.rng
    colours = [site.tone(ASPHALT if road.paved else DIRT) for road in site.roads]
    stone = site.tone(PAVING)
    for road in site.roads:
        if pavements and road.paved:
            land.strip(road.points, road.half + 1.8, stone, BACKGROUND)
    for road, colour in zip(site.roads, colours, strict=True):
        wobble = 0 if road.paved else 0.25 * np.sin(np.arange(len(road.points)) + rng.uniform(0, 6))
        land.strip(road.points, road.half + wobble, colour, ROAD)
    for road, colour in zip(site.roads, colours, strict=True):
        for side in (-0.5, 0.5):
            track = road.points + side * road.half * normals(road.points)
            land.strip(track, 0.14 * road.half + 0.1, colour * (0.93 if road.paved else 1.1), ROAD)
    for road in site.roads:
        if road.paved and road.half > 2.8:
            _mark(site, road)


def _mark(site: Site, road: Road) -> None:
    others = [r for r in site.roads if r is not road]
    for i in range(1, len(road.points) - 1, 4):
        at = road.at(i)
        clear = all(np.hypot(*(r.points - (at.x, at.y)).T).min() > r.half + 2 for r in others)
        if clear:
            site.land.polygon(at.rectangle(-1.6, 1.6, -0.11, 0.11), WHITE, ROAD)
    for side in (-1, 1):
        if not others and site.chance(0.7):
            site.land.strip(road.points + side * (road.half - 0.35) * normals(road.points), 0.1, WHITE, ROAD)


def stream(site: Site, at: Frame, half: float, beach: float, bend: float) -> None:
    """A river, or the sea: a winding band of water, in a beach."""
    points = course(site, at, 200, 200, bend)
    far = np.arange(len(points))
    width = half + min(0.1 * half, 0.9) * (np.sin(far / 3.1) + np.sin(far / 1.9))
    sand = width + beach * (1 + 0.4 * np.sin(far / 4.3))
    sides = normals(points)
    outlines = [
        np.concatenate([points + sides * w[:, None], (points - sides * w[:, None])[::-1]]) for w in (sand, width)
    ]
    site.shores.append((outlines[0], outlines[1]))
    near = (abs(points - site.land.metres / 2) < site.land.metres / 2 + half + 4).all(1)
    site.take(*((float(x), float(y), half + beach) for x, y in points[near]))


def pond(site: Site, radius: float) -> None:
    """A pond in a bank of earth, if there is room for it."""
    at, rng = site.anywhere(radius), site.rng
    if not site.free(at.x, at.y, 1.3 * radius + 2):
        return
    turn = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    away = np.full_like(turn, radius)
    for waves in (2, 3, 5, 7):
        away += radius * rng.uniform(0, 0.3) / waves * np.sin(waves * turn + rng.uniform(0, 6))
    edge, middle = np.stack([away * np.cos(turn), away * np.sin(turn)], 1), np.array([at.x, at.y])
    site.shores.append((edge * (1 + 1.5 / radius) + middle, edge + middle))
    site.take((at.x, at.y, 1.3 * radius))


def flood(site: Site) -> None:
    """Paints the water: shallow and light at its shores, ripples, a reflection of the sky."""
    if not site.shores:
        return
    land, rng = site.land, site.rng
    sand, deep = site.tone(SAND), site.tone(DEPTHS)
    for beach, _ in site.shores:
        land.polygon(beach, sand, BACKGROUND)
    for _, outline in site.shores:
        land.polygon(outline, deep, WATER)
    wet = land.label == WATER
    blurred = Image.fromarray(wet.astype("uint8") * 255).filter(
        ImageFilter.GaussianBlur(rng.uniform(1, 3) * land.scale)
    )
    shallow = np.clip(2 - np.asarray(blurred, "float32") / 127, 0, 1) ** 1.5
    ripples = land.noise(2.5, octaves=2, stretch=3)
    seen = deep + 0.5 * (sand - deep) * shallow + ripples * rng.uniform(1, 6)
    seen += np.clip(land.noise(45), -1, 1) * rng.uniform(0, 16) * land.tint
    np.copyto(land.colour, seen, where=wet)


def car(site: Site, at: Frame) -> None:
    """A car; one in eight is a van or a lorry."""
    land, rng = site.land, site.rng
    colour = site.tone(CARS)
    if site.chance(0.125):
        length = rng.uniform(6, 9.5)
        land.block(at, length, 2.4, WHITE if site.chance(0.6) else colour, VEHICLE, 2.9)
        land.block(at.moved(length / 2 + 0.9), 1.8, 2.2, colour, VEHICLE, 2.2, rounded=True)
        return
    length, width = rng.uniform(4.2, 5.0), rng.uniform(1.8, 2.0)
    land.block(at, length, width, colour, VEHICLE, 0.9, rounded=True)
    land.block(at.moved(-0.3), 0.55 * length, 0.88 * width, GLASS, VEHICLE, 1.2)
    land.block(at.moved(-0.4), 0.32 * length, 0.84 * width, colour, VEHICLE, 1.45)


def traffic(site: Site, count: int, parked: float = 0.4) -> None:
    """Cars that drive on the right, or are parked at the edge."""
    rng, cars = site.rng, np.full((1, 2), -99.0)
    for _ in range(count if site.roads else 0):
        road = site.roads[site.count(0, len(site.roads))]
        lane = road.half - 1.2 if site.chance(parked) and road.half > 2.6 else 0.45 * road.half
        at = road.at(site.count(1, len(road.points) - 1), against=site.chance(0.5)).moved(0, lane)
        if site.inside(at.x, at.y) and np.hypot(*(cars - (at.x, at.y)).T).min() > 7:
            car(site, at.moved(0, rng.normal(0, 0.15), rng.normal(0, 0.04)))
            cars = np.concatenate([cars, [(at.x, at.y)]])


def car_park(site: Site, at: Frame, stalls: int) -> None:
    """A row of stalls on asphalt, most of them taken, if there is room."""
    length, depth = 2.6 * stalls, 10.5
    reach = math.hypot(length, depth) / 2
    if not site.free(at.x, at.y, 0.8 * reach):
        return
    land, rng = site.land, site.rng
    site.take((at.x, at.y, 0.9 * reach))
    land.polygon(at.rectangle(-length / 2 - 2, length / 2 + 2, -depth / 2, depth / 2), site.tone(ASPHALT), ROAD)
    for stall in range(stalls):
        place = at.moved((stall + 0.5) * 2.6 - length / 2, -2.4, np.pi / 2)
        land.polygon(place.rectangle(-2.5, 2.5, -1.36, -1.24), WHITE, ROAD)
        if site.chance(0.6):
            car(site, place.moved(rng.normal(0, 0.2), 0, np.pi * site.chance(0.5)))


def building(site: Site, at: Frame, length: float, width: float, storeys: float, flat: bool) -> None:
    land, rng = site.land, site.rng
    colour, eaves = site.tone(FLAT if flat else PITCHED), 3.0 * storeys
    if flat:
        land.block(at, length, width, colour * 1.1, BUILDING, eaves)
        edge = (-length / 2 + 0.5, length / 2 - 0.5, -width / 2 + 0.5, width / 2 - 0.5)
        land.polygon(at.rectangle(*edge), colour, BUILDING, None)
        for _ in range(site.count(0, 5)):  # lift houses, air conditioning
            unit = at.moved(rng.uniform(-0.35, 0.35) * length, rng.uniform(-0.35, 0.35) * width)
            land.block(unit, rng.uniform(1.2, 3), rng.uniform(1.2, 2.5), site.tone(FLAT), BUILDING, eaves + 1.5)
        return
    rise, hipped = rng.uniform(0.25, 0.4) * width, site.chance(0.35)
    land.block(at, length, width, colour, BUILDING, eaves, rise, hipped)
    if site.chance(0.4):  # a wing
        wing = at.moved(rng.choice([-0.25, 0.25]) * length, rng.choice([-0.4, 0.4]) * width, np.pi / 2)
        land.block(wing, width, 0.5 * length, colour, BUILDING, eaves, 0.9 * rise, hipped)
    if site.chance(0.2):  # solar panels
        panels = at.rectangle(-0.3 * length, 0.3 * length, 0.08 * width, 0.38 * width)
        land.polygon(panels, PANELS, BUILDING, None)
    chimney = at.moved(rng.uniform(-0.3, 0.3) * length, 0.1 * width)
    land.block(chimney, 0.8, 0.8, BRICK, BUILDING, eaves + rise + 0.8)


def place_building(site: Site, at: Frame, length: float, width: float, storeys: float, flat: bool) -> bool:
    """The building, if its ground is free."""
    spread = max(length - width, 0) / 2
    circles = [(p.x, p.y, 0.58 * width) for p in (at.moved(-spread), at, at.moved(spread))]
    if not all(site.free(*c) for c in circles):
        return False
    site.take(*circles)
    building(site, at, length, width, storeys, flat)
    return True


def lots(site: Site, pools: float, lawns: float, gap: tuple[float, float]) -> None:
    """Detached houses along all roads, each with its garden."""
    for road in list(site.roads):
        for against in (False, True):
            i = site.count(1, 6)
            while i < len(road.points) - 1:
                front = road.at(i, against).moved(0, road.half)
                if site.chance(0.9) and site.inside(front.x, front.y, -14):
                    homestead(site, front, pools, lawns)
                i += round(site.rng.uniform(*gap) / STEP)


def homestead(site: Site, front: Frame, pools: float, lawns: float) -> None:
    """A house some metres behind the middle of its front: lawn, drive, car, terrace, pool, hedges, shed, trees."""
    land, rng = site.land, site.rng
    length, width, setback = rng.uniform(9, 14), rng.uniform(7.5, 10), rng.uniform(3.5, 7)
    house = front.moved(0, setback + width / 2, rng.normal(0, 0.04))
    if not place_building(site, house, length, width, rng.uniform(1, 2), site.chance(0.12)):
        return
    half, depth = length / 2 + rng.uniform(1.5, 4), setback + width + rng.uniform(9, 16)
    if site.chance(lawns):
        land.polygon(front.rectangle(-half, half, 0.3, depth), site.turf + rng.normal(0, 8), GRASS)
    elif site.chance(0.5):
        land.polygon(front.rectangle(-half, half, 0.3, depth), site.tone(SOILS + PAVING), BACKGROUND)
    side = rng.choice([-1, 1])
    drive = front.moved(side * (length / 2 - 1.6))
    land.polygon(drive.rectangle(-1.5, 1.5, -0.5, setback + 1), site.tone(ASPHALT + PAVING[:2]), ROAD)
    if site.chance(0.6):
        car(site, drive.moved(0, setback - 2.7, np.pi / 2))
    back = front.moved(0, setback + width)
    land.polygon(back.rectangle(-3.5, 3.5, 0, 2.6), site.tone(PAVING), BACKGROUND)
    if site.chance(pools):
        swimming(site, back.moved(rng.uniform(-2, 2), rng.uniform(5.5, 7)))
    if site.chance(0.45):
        for edge in (-half, half):
            line = np.array([(p.x, p.y) for p in (front.moved(edge, v) for v in np.linspace(1, depth, 5))])
            land.strip(line, rng.uniform(0.5, 0.8), site.leaves[0], TREE, 1.5)
    if site.chance(0.3):
        place_building(site, back.moved(side * (half - 2), depth - setback - width - 2), 4, 3, 0.7, False)
    for _ in range(site.count(1, 5)):
        spot = front.moved(rng.uniform(-half, half), rng.uniform(1, depth))
        site.trees.append((spot.x, spot.y, rng.uniform(1.2, 3.4)))


def swimming(site: Site, at: Frame) -> None:
    """A pool in its border of stone."""
    length, width = site.rng.uniform(6.5, 10), site.rng.uniform(3.4, 4.6)
    if not site.free(at.x, at.y, 2.5):
        return
    site.take((at.x, at.y, 4))
    rounded = site.chance(0.4)
    site.land.block(at, length + 2.4, width + 2.4, site.tone(PAVING + SAND), BACKGROUND, rounded=rounded)
    site.land.block(at, length, width, site.tone(BASINS), POOL, rounded=rounded)


def blocks(site: Site) -> None:
    """Large buildings along the streets, and a car park between them."""
    rng = site.rng
    for road in list(site.roads):
        for against in (False, True):
            i = site.count(2, 8)
            while i < len(road.points) - 1:
                front = road.at(i, against).moved(0, road.half + 2.4)
                length = rng.uniform(11, 26)
                if site.chance(0.2):
                    car_park(site, front.moved(0, 9), site.count(5, 9))
                else:
                    width, flat = rng.uniform(10, 16), site.chance(0.6)
                    middle = front.moved(0, width / 2 + rng.uniform(0, 3))
                    place_building(site, middle, length, width, rng.uniform(2, 5), flat)
                i += round((length + rng.uniform(1, 8)) / STEP)


def infill(site: Site, attempts: int) -> None:
    """What lies behind the first row: smaller buildings, car parks, greens with trees."""
    rng, street = site.rng, site.roads[0]
    angle = street.at(len(street.points) // 2).angle
    for _ in range(attempts):
        at, what = replace(site.anywhere(), angle=angle), rng.random()
        if what < 0.35:
            place_building(site, at, rng.uniform(8, 18), rng.uniform(7, 12), rng.uniform(1, 3), site.chance(0.7))
        elif what < 0.5:
            car_park(site, at, site.count(4, 8))
        elif site.free(at.x, at.y, 5):
            long, wide = rng.uniform(5, 11, 2)
            site.land.polygon(at.rectangle(-long, long, -wide, wide), site.turf + rng.normal(0, 8), GRASS)
            for _ in range(site.count(1, 6)):
                tree = at.moved(rng.uniform(-long, long), rng.uniform(-wide, wide))
                site.trees.append((tree.x, tree.y, rng.uniform(1.5, 3.6)))


def avenue(site: Site, share: float) -> None:
    """Trees beside the roads, their crowns over them."""
    for road in site.roads:
        for i in range(2, len(road.points) - 1, 4):
            if site.chance(share):
                at = road.at(i, site.chance(0.5)).moved(0, road.half + site.rng.uniform(0.8, 2.5))
                site.trees.append((at.x, at.y, site.rng.uniform(1.6, 3.2)))


def scatter(site: Site, count: int) -> None:
    for _ in range(count):
        at = site.anywhere(-2)
        site.trees.append((at.x, at.y, site.rng.uniform(1, 3.4)))


def wood(site: Site, blobs: int, radius: tuple[float, float]) -> None:
    """Trees crown to crown, in a few round masses."""
    rng, metres, spacing = site.rng, site.land.metres, 5.0
    masses = rng.uniform((-5, -5, radius[0]), (metres + 5, metres + 5, radius[1]), (blobs, 3))
    stems = np.stack(np.meshgrid(*2 * [np.arange(0, metres + spacing, spacing)]), -1).reshape(-1, 2)
    stems += rng.uniform(-0.5, 0.5, stems.shape) * spacing
    sizes = rng.uniform(0.5, 0.95, len(stems)) * spacing
    away = np.linalg.norm(stems[:, None] - masses[:, :2], axis=2)
    grown = (away < masses[:, 2]).any(1)
    site.trees += map(tuple, np.column_stack([stems, sizes])[grown].tolist())


def plant(site: Site, pointed: float) -> None:
    """Paints the trees whose stems stand on free ground."""
    for x, y, radius in site.trees:
        leaves = site.leaves[site.count(0, 3)] + site.rng.normal(0, 5)
        tall, cone = radius * site.rng.uniform(1.6, 2.4), site.chance(pointed)
        if site.free(x, y, 0.4):
            site.land.crown(x, y, radius, leaves * (0.82 if cone else 1), tall * (1.4 if cone else 1), cone)


def town(site: Site) -> None:
    rng = site.rng
    open_ground(site, rng.uniform(-2, -0.8))
    paving = blend(site.tone(PAVING), site.tone(PAVING + SOILS[:3]), site.land.noise(16, octaves=2))
    np.copyto(site.land.colour, paving, where=site.land.label == BACKGROUND)
    street_plan(site, rng.uniform(3.6, 4.6))
    blocks(site)
    infill(site, 24)
    pave(site, True)
    traffic(site, site.count(10, 20))
    avenue(site, 0.3)
    scatter(site, site.count(5, 25))
    plant(site, 0.1)


def suburb(site: Site) -> None:
    rng = site.rng
    open_ground(site, rng.uniform(-1.2, 0.5))
    street_plan(site, rng.uniform(2.8, 3.8))
    lots(site, 0.4, 0.6, (15, 21))
    pave(site, site.chance(0.6))
    traffic(site, site.count(2, 9))
    avenue(site, rng.uniform(0, 0.3))
    scatter(site, site.count(10, 40))
    plant(site, 0.2)


def country(site: Site) -> None:
    rng, metres = site.rng, site.land.metres
    open_ground(site, rng.uniform(-0.5, 0.8))
    fields(site, 0.4)
    at = site.anywhere(metres / 4)
    lay(site, at, rng.uniform(1.6, 3.2), site.chance(0.5), bend=rng.uniform(0.1, 0.5))
    if site.chance(0.6):
        road = site.roads[0]
        farm = road.at(len(road.points) // 2, site.chance(0.5)).moved(0, road.half + 9)
        for u, v in ((0, 0), (22, 4), (4, 20), (-20, 6))[: site.count(1, 5)]:
            long, wide = rng.uniform(10, 22), rng.uniform(8, 12)
            place_building(site, farm.moved(u, v, np.pi / 2 * site.chance(0.4)), long, wide, rng.uniform(1, 2), False)
        if site.chance(0.6):
            car(site, farm.moved(rng.uniform(-12, 12), -6.5, rng.uniform(0, 3)))
    for _ in range(site.count(0, 3)):
        pond(site, rng.uniform(5, 14))
    flood(site)
    pave(site, False)
    traffic(site, site.count(0, 4), 0)
    avenue(site, rng.uniform(0, 0.25))
    scatter(site, site.count(0, 25))
    if site.chance(0.5):
        wood(site, site.count(1, 3), (6, 20))
    plant(site, 0.2)


def shore(site: Site) -> None:
    rng, metres = site.rng, site.land.metres
    open_ground(site, rng.uniform(-0.8, 0.5))
    turn, middle = float(rng.uniform(0, 2 * np.pi)), metres / 2
    centre = Frame(middle, middle, turn)
    if site.chance(0.4):  # a river
        stream(
            site, centre.moved(0, rng.uniform(-15, 15)), rng.uniform(5, 12), rng.uniform(0.5, 2), rng.uniform(0.2, 0.5)
        )
        distance = 24.0
    else:
        reach = 100.0
        stream(site, centre.moved(0, -reach - rng.uniform(-8, 18)), reach, rng.uniform(2, 7), 0.08)
        distance = 20.0
    lay(site, centre.moved(0, distance, rng.normal(0, 0.15)), rng.uniform(2.4, 3.6), site.chance(0.7), bend=0.15)
    if site.chance(0.7):
        lots(site, 0.5, 0.6, (16, 30))
    flood(site)
    pave(site, False)
    traffic(site, site.count(1, 6))
    avenue(site, rng.uniform(0, 0.3))
    scatter(site, site.count(5, 30))
    if site.chance(0.5):
        wood(site, site.count(1, 3), (8, 22))
    plant(site, rng.uniform(0, 0.4))


def forest(site: Site) -> None:
    rng, metres = site.rng, site.land.metres
    open_ground(site, rng.uniform(-0.6, 0.6))
    at = site.anywhere(metres / 4)
    if site.chance(0.8):
        lay(site, at, rng.uniform(1.5, 2.6), False, bend=rng.uniform(0.2, 0.6))
    if site.chance(0.4):
        stream(site, at.moved(0, rng.choice([-20, 20]), 0.5), rng.uniform(2, 5), 0.8, rng.uniform(0.3, 0.6))
    flood(site)
    pave(site, False)
    traffic(site, site.count(0, 2), 0)
    scatter(site, site.count(10, 40))
    wood(site, site.count(3, 6), (14, 32))
    plant(site, rng.uniform(0, 1))


def steppe(site: Site) -> None:
    """Bare land, and little on it."""
    rng, metres = site.rng, site.land.metres
    open_ground(site, -3)
    at = site.anywhere(metres / 4)
    lay(site, at, rng.uniform(1.4, 2.2), site.chance(0.5), bend=rng.uniform(0.1, 0.4))
    road = site.roads[0]
    for against in (False, True):
        if site.chance(0.5):
            front = road.at(site.count(1, len(road.points) - 1), against).moved(0, road.half)
            homestead(site, front, 0.6, 0.6)
    if site.chance(0.6):
        pond(site, rng.uniform(4, 9))
    flood(site)
    pave(site, False)
    traffic(site, site.count(0, 5), 0)
    scatter(site, site.count(0, 14))
    plant(site, 0.1)


KINDS: list[Callable[[Site], None]] = [suburb, town, country, shore, suburb, forest, town]
