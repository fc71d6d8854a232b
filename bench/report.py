# SPDX-License-Identifier: MIT
"""
report - from results.json to table.md and the plots

Figures over several traces are geometric means where they are ratios or times
and arithmetic means where they are percentages, always over the traces that
every allocator finished. `best peer` is the best of the peers in this run.
"""

import math
import os
import shutil
import subprocess
import tempfile

import lower

RESIDENT_PLOTS = ['adv-phases', 'adv-shrink', 'cc1', 'gdb', 'redis']
OURS = 'heapglass'


def geometric(numbers):
    numbers = [max(number, 1e-9) for number in numbers]
    return math.exp(sum(map(math.log, numbers)) / len(numbers))


def mean(numbers):
    numbers = list(numbers)
    return sum(numbers) / len(numbers)


def common(table, names):
    """The traces that all NAMES have an answer for."""
    return [trace for trace in sorted(table)
            if all(name in table[trace] for name in names)]


class Figure:
    """One line of the summary: a number for each allocator."""

    def __init__(self, title, by_name, form='{:.1f}', low=True,
                 points=False):
        self.title = title
        self.by_name = by_name
        self.form = form
        self.low = low          # less is better
        self.points = points    # compared by difference, not by ratio

    def best_peer(self, peers):
        found = [self.by_name[p] for p in peers if p in self.by_name]
        return (min if self.low else max)(found) if found else None

    def compared(self, peers):
        best = self.best_peer(peers)
        ours = self.by_name.get(OURS)
        if best is None or ours is None:
            return '-'
        if self.points:
            return f'{ours - best:+.1f} points'
        return f'{ours / best:.2f}' if best else '-'


class Report:
    def __init__(self, results):
        self.results = results
        self.all = results['allocators']
        self.present = [a for a in self.all if a['version'] is not None]
        self.names = [a['name'] for a in self.present]
        self.peers = [a['name'] for a in self.present if a['kind'] == 'peer']

    def section(self, name):
        return self.results.get(name) or {}

    def measured(self, table):
        """Those of our names that have an answer for any trace."""
        return [name for name in self.names
                if any(name in row for row in table.values())]

    # ---- figures ------------------------------------------------------------

    def over(self, table, pick, how, kinds=None):
        names = self.measured(table)
        traces = [t for t in common(table, names)
                  if kinds is None or kinds(t)]
        if not traces:
            return {}
        return {name: how(pick(table[t][name]) for t in traces)
                for name in names}

    def figures(self):
        yield from self.time_figures()
        yield from self.memory_figures()
        yield from self.latency_figures()
        yield from self.instruction_figures()
        yield from self.thread_figures()
        yield from self.program_figures()

    def time_figures(self):
        table = self.section('time')
        for title, kinds in (
                ('time, ns an operation, all traces', None),
                ('... recorded traces', is_recorded),
                ('... generated traces', is_generated)):
            yield Figure(title, self.over(
                table, lambda a: a['warm'], geometric, kinds))
        yield Figure('... the first replay, cold', self.over(
            table, lambda a: a['cold'], geometric))

    def memory_figures(self):
        for section, title in (
                ('memory', 'utilization, one process, %'),
                ('staggered', 'utilization, sixteen staggered, %')):
            table = self.section(section)
            yield Figure(title, self.over(
                table, lambda a: a['utilization'], mean), low=False,
                points=True)
            if section == 'memory':
                big = {trace: row for trace, row in table.items()
                       if all(a['peak_payload'] >= 1 << 20
                              for a in row.values())}
                yield Figure('... traces of 1 MiB or more', self.over(
                    big, lambda a: a['utilization'], mean), low=False,
                    points=True)
            if 'adv-phases' in table:
                yield Figure('... adv-phases', {
                    name: a['utilization']
                    for name, a in table['adv-phases'].items()}, low=False,
                    points=True)

    def latency_figures(self):
        table = self.section('latency')
        yield Figure('worst malloc or free, cycles, all traces', self.over(
            table, worst_of, max), '{:.0f}')
        yield Figure('... recorded traces', self.over(
            table, worst_of, max, is_recorded), '{:.0f}')
        yield Figure('... typical trace (geometric mean)', self.over(
            table, lambda a: max(worst_of(a), 1), geometric), '{:.0f}')
        for kind in ('malloc', 'free'):
            for at, title in ((1, f'{kind}: half of all within, cycles'),
                              (3, '... 99 of 100'), (4, '... 999 of 1000')):
                yield Figure(title, self.over(
                    table, lambda a, k=kind, n=at: max(a[f'best {k}'][n], 1),
                    geometric), '{:.0f}')
        yield Figure('operations that enter the system, of a million',
                     self.over_operations(table, entered), '{:.0f}')
        yield Figure('... the longest, cycles', self.over(
            table, lambda a: max(a['system malloc'][2], a['system free'][2]),
            max), '{:.0f}')

    def over_operations(self, table, pick):
        names = self.measured(table)
        traces = common(table, names)
        return {name: 1e6 * sum(pick(table[t][name]) for t in traces) /
                sum(operations(table[t][name]) for t in traces)
                for name in names} if traces else {}

    def instruction_figures(self):
        section = self.section('instructions')
        for size, by_name in section.get('pairs', {}).items():
            yield Figure(f'instructions, malloc({size}) + free', by_name)
        yield Figure('instructions an operation, traces', self.over(
            section.get('traces', {}), lambda a: a, geometric))

    def thread_figures(self):
        section = self.section('threads')
        if not section:
            return
        counts = section['counts']
        if len(counts) > 1:
            yield Figure(f'speed-up, {counts[-1]} threads', self.over(
                section['traces'], lambda a: a[0] / a[-1], geometric),
                '{:.2f}', low=False)
        yield Figure('producer and consumer, ns a block', {
            name: a['ns_per_block'] for name, a in section['pipe'].items()})
        yield Figure('... largest resident, MiB', {
            name: a['resident'] / (1 << 20)
            for name, a in section['pipe'].items()})

    def program_figures(self):
        table = {program: row for program, row in
                 self.section('programs').items() if 'glibc' in row}
        for key, title in (('cpu', 'CPU time'), ('resident', 'resident')):
            ratios = {program: {name: a[key] / row['glibc'][key]
                                for name, a in row.items()}
                      for program, row in table.items()}
            yield Figure(f"real programs, {title} to glibc's", self.over(
                ratios, lambda a: a, geometric), '{:.3f}')

    # ---- the text ---------------------------------------------------------------

    def text(self):
        lines = ['# Allocators side by side', '']
        lines += self.about()
        lines += self.summary()
        lines += self.losses()
        lines += self.trace_table(
            'Time, ns an operation', 'time', lambda a: a['warm'], '{:.1f}',
            ['loop alone', 'lists alone'])
        lines += self.trace_table(
            'Utilization, one process, %', 'memory',
            lambda a: a['utilization'], '{:.0f}')
        lines += self.trace_table(
            'Utilization, sixteen staggered copies, %', 'staggered',
            lambda a: a['utilization'], '{:.0f}')
        lines += self.trace_table(
            'Worst malloc or free, cycles', 'latency', worst_of, '{:.0f}')
        lines += self.trace_table(
            'Operations that enter the system, of a million', 'latency',
            lambda a: 1e6 * entered(a) / operations(a), '{:.0f}')
        lines += self.instruction_table()
        lines += self.thread_table()
        lines += self.program_table()
        lines += self.level_table()
        lines += lower.ranges_lines(self.section('ranges'), self.table)
        lines += lower.frames_lines(self.section('frames'), self.table)
        lines += self.failure_lines()
        return '\n'.join(lines) + '\n'

    def about(self):
        machine = self.results['machine']
        lines = [f"Measured on {self.results['date']}: "
                 f"{machine['processor']}, {machine['processors']} "
                 f"processors, Linux {machine['kernel']}, "
                 f"{machine['libc']}; load {machine['load']:.1f} at the "
                 f"start; rounds: {self.results['rounds']}"
                 + (', quick: a few traces only' if self.results['quick']
                    else '') + '. `make bench` writes this page; '
                 'docs/performance.md explains the figures.', '']
        for allocator in self.all:
            version = allocator['version']
            lines.append(f"- **{allocator['name']}**: " + (
                version if version is not None else
                f"absent ({allocator['package']}), not measured"))
        return lines + ['']

    def table(self, head, rows):
        lines = ['| ' + ' | '.join(head) + ' |',
                 '|' + '---|' * len(head)]
        return lines + ['| ' + ' | '.join(row) + ' |' for row in rows] + ['']

    def summary(self):
        rows = []
        for figure in self.figures():
            if not figure.by_name:
                continue
            best = figure.best_peer(self.names)
            cells = []
            for name in self.names:
                value = figure.by_name.get(name)
                if value is None:
                    cells.append('-')
                    continue
                cell = figure.form.format(value)
                cells.append(f'**{cell}**' if value == best else cell)
            rows.append([figure.title, *cells, figure.compared(self.peers)])
        if not rows and not self.section('ranges') and \
                not self.section('frames'):
            return ['Nothing was measured.', '']
        if not rows:
            return []
        return ['## Summary', '',
                'The last column is ours to the best peer\'s; bold is the '
                'best of all.', ''] + self.table(
                    ['', *self.names, 'ours to best peer'], rows)

    def losses(self):
        """Trace by trace, where the best peer is furthest ahead of us."""
        lines = []
        for title, section, pick, low in (
                ('time', 'time', lambda a: a['warm'], True),
                ('utilization', 'memory', lambda a: a['utilization'], False),
                ('utilization, staggered', 'staggered',
                 lambda a: a['utilization'], False),
                ('worst malloc or free', 'latency',
                 lambda a: max(worst_of(a), 1), True)):
            behind = []
            for trace, row in self.section(section).items():
                best = [pick(row[peer]) for peer in self.peers if peer in row]
                if OURS not in row or not best:
                    continue
                ours = pick(row[OURS])
                lost = ours / min(best) if low else max(best) - ours
                if lost > (1 if low else 0):
                    behind.append((lost, trace))
            if behind:
                behind.sort(reverse=True)
                lines.append(f'- {title}: on {len(behind)} of '
                             f'{len(self.section(section))} traces; most on '
                             + ', '.join(
                                 f'{trace} ({lost:.1f} times)' if low else
                                 f'{trace} ({lost:.0f} points)'
                                 for lost, trace in behind[:6]) + '.')
        if not lines:
            return []
        return ['## Where a peer is ahead', '', 'Against the best peer of each '
                'trace, which is another one for each:', ''] + lines + ['']

    def trace_table(self, title, section, pick, form, floors=()):
        table = self.section(section)
        if not table:
            return []
        names = self.names + [f for f in floors
                              if any(f in row for row in table.values())]
        rows = []
        for trace in sorted(table):
            rows.append([trace] + [
                form.format(pick(table[trace][name]))
                if name in table[trace] else '-' for name in names])
        return [f'## {title}', ''] + self.table(['trace', *names], rows)

    def instruction_table(self):
        section = self.section('instructions')
        table = section.get('traces', {})
        if not table:
            return []
        rows = [[trace] + [f'{table[trace][name]:.0f}'
                           if name in table[trace] else '-'
                           for name in self.names] for trace in sorted(table)]
        return ['## Instructions an operation', ''] + self.table(
            ['trace', *self.names], rows)

    def thread_table(self):
        section = self.section('threads')
        if not section:
            return []
        rows = []
        for trace, by_name in sorted(section['traces'].items()):
            for at, count in enumerate(section['counts']):
                rows.append([trace, str(count)] + [
                    f'{by_name[name][at]:.2f}' if name in by_name and
                    at < len(by_name[name]) else '-' for name in self.names])
        return ['## Threads, ns an operation of all threads together', ''] + \
            self.table(['trace', 'threads', *self.names], rows)

    def program_table(self):
        table = self.section('programs')
        if not table:
            return []
        rows = []
        for program in sorted(table):
            rows.append([program] + [
                '{cpu:.2f} s, {mib:.1f} MiB'.format(
                    cpu=table[program][name]['cpu'],
                    mib=table[program][name]['resident'] / (1 << 20))
                if name in table[program] else '-' for name in self.names])
        return ['## Real programs: CPU time, largest resident', ''] + \
            self.table(['program', *self.names], rows)

    def level_table(self):
        section = self.section('levels')
        if not section:
            return []
        names = section['names']
        columns = {}
        for key, how in (('time', geometric), ('memory', mean)):
            traces = common(section[key], names)
            columns[key] = {name: how(section[key][t][name] for t in traces)
                            for name in names} if traces else {}
        rows = []
        for name in names:
            time, memory = (columns[key].get(name) for key in columns)
            rows.append([name] + (
                ['-', '-'] if time is None else
                [f'{time:.1f}', f"{time / columns['time']['none']:.2f}"]) + [
                    f'{by_level[name]:.0f}' if name in by_level else '-'
                    for by_level in (section['pairs'].get(size, {})
                                     for size in ('24', '4000'))] + [
                    '-' if memory is None else f'{memory:.1f}'])
        return ['## Levels of care (HEAPGLASS_LEVEL)', ''] + self.table(
            ['level', 'ns an operation', 'to none', 'instructions, 24',
             'instructions, 4000', 'utilization, %'], rows)

    def failure_lines(self):
        failures = self.results.get('failures')
        if not failures:
            return []
        return ['## What did not finish', ''] + [
            f'- {section}, {what}, {name}: {why}'
            for section, what, name, why in failures] + ['']


def is_recorded(trace):
    return not is_generated(trace)


def is_generated(trace):
    return trace.startswith(('adv-', 'own-'))


def worst_of(answer):
    return max(answer['best malloc'][5], answer['best free'][5])


def entered(answer):
    return sum(sum(answer[f'system {kind}'][:2]) for kind in ('malloc', 'free'))


def operations(answer):
    return entered(answer) + sum(answer[f'best {kind}'][0]
                                 for kind in ('malloc', 'free'))


# ---- plots ---------------------------------------------------------------------------

COLORS = ['#d62728', '#7f7f7f', '#1f77b4', '#2ca02c', '#ff7f0e', '#9467bd',
          '#8c564b', '#17becf']


class Plots:
    """Each plot is a script for gnuplot with its data in it."""

    def __init__(self, report, folder):
        self.report = report
        self.folder = folder
        self.color = dict(zip(report.names, COLORS))

    def draw(self, name, title, settings, data, curves, width=900,
             height=420):
        blocks = ''.join(f'${key} << END\n{text}END\n'
                         for key, text in data.items())
        script = (
            f"set terminal svg size {width},{height} dynamic font 'sans,12' "
            "background '#ffffff'\n"
            f"set output '{os.path.join(self.folder, name + '.svg')}'\n"
            f"set title \"{title}\"\nset grid ytics lc '#dddddd'\n"
            f'{blocks}{settings}\nplot {", ".join(curves)}\n')
        with tempfile.NamedTemporaryFile('w', suffix='.gnuplot') as file:
            file.write(script)
            file.flush()
            subprocess.run(['gnuplot', file.name], check=True)

    def per_trace(self, name, title, ylabel, section, pick, settings=''):
        table = self.report.section(section)
        if not table:
            return
        data, curves = {}, []
        traces = sorted(table)
        ticks = ', '.join(f'"{t}" {i}' for i, t in enumerate(traces))
        for number, allocator in enumerate(self.report.measured(table)):
            data[f'd{number}'] = ''.join(
                f'{i} {pick(table[t][allocator])}\n'
                for i, t in enumerate(traces) if allocator in table[t])
            curves.append(f"$d{number} using 1:2 with points pt 7 ps "
                          f"{0.9 if allocator == OURS else 0.7} "
                          f"lc rgb '{self.color[allocator]}' "
                          f"title '{allocator}'")
        self.draw(name, title,
                  f"set ylabel '{ylabel}'\nset xtics rotate by 60 right "
                  f"({ticks}) font ',11'\nset xrange [-1:{len(traces)}]\n"
                  f"set key outside right\n{settings}", data, curves, 1100,
                  480)

    def tradeoff(self):
        figures = {f.title: f.by_name for f in self.report.figures()}
        speed = figures.get('time, ns an operation, all traces') or {}
        dense = figures.get('utilization, one process, %') or {}
        names = [n for n in self.report.names if n in speed and n in dense]
        if not names:
            return
        data = {f'd{i}': f'{speed[n]} {dense[n]} "{n}"\n'
                for i, n in enumerate(names)}
        curves = [f"$d{i} using 1:2:3 with labels point pt 7 ps 1.2 lc rgb "
                  f"'{self.color[n]}' offset char 0,1 notitle"
                  for i, n in enumerate(names)]
        self.draw('tradeoff', 'Fast and dense: up and to the left is better',
                  "set xlabel 'ns an operation'\nset ylabel "
                  "'utilization, %'\nset offsets graph 0.15, 0.15, 0.15, 0.1",
                  data, curves, 700, 420)

    def resident(self):
        table = self.report.section('memory')
        for trace in RESIDENT_PLOTS:
            row = table.get(trace, {})
            data, curves = {}, []
            for number, name in enumerate(n for n in self.report.names
                                          if 'samples' in row.get(n, {})):
                samples = [list(map(int, s.split()))
                           for s in row[name]['samples']]
                if number == 0:
                    data['payload'] = ''.join(
                        f'{s[0]} {s[1] / (1 << 20)}\n' for s in samples)
                    curves.append("$payload using 1:2 with filledcurves "
                                  "y=0 lc rgb '#e8e8e8' title 'payload'")
                data[f'd{number}'] = ''.join(
                    f'{s[0]} {s[2] / (1 << 20)}\n' for s in samples)
                curves.append(f'$d{number} using 1:2 with lines lw 1.5 lc '
                              f"rgb '{self.color[name]}' title '{name}'")
            if curves:
                self.draw(f'resident-{trace}',
                          f'{trace}: resident memory over the trace',
                          "set xlabel 'operation'\nset ylabel 'MiB'\n"
                          'set yrange [0:*]\nset key outside right', data,
                          curves)

    def threads(self):
        section = self.report.section('threads')
        if not section or len(section['counts']) < 2:
            return
        speed = {}
        for name in self.report.names:
            rows = [times[name] for times in section['traces'].values()
                    if len(times.get(name, [])) == len(section['counts'])]
            if rows:
                speed[name] = [geometric(row[0] / row[at] for row in rows)
                               for at in range(len(section['counts']))]
        data = {f'd{i}': ''.join(f'{n} {s}\n' for n, s in zip(
            section['counts'], speed[name]))
            for i, name in enumerate(speed)}
        curves = ["x with lines dt 2 lc rgb '#aaaaaa' title 'ideal'"] + [
            f"$d{i} using 1:2 with linespoints pt 7 lc rgb "
            f"'{self.color[name]}' title '{name}'"
            for i, name in enumerate(speed)]
        self.draw('threads', 'Independent threads: times as fast as one',
                  "set xlabel 'threads'\nset ylabel 'speed-up'\n"
                  'set key left top\nset xtics 1\n'
                  f"set xrange [1:{section['counts'][-1]}]", data, curves,
                  600, 420)

    def programs(self):
        table = self.report.section('programs')
        data, curves = {}, []
        for number, name in enumerate(self.report.names):
            lines = ''.join(
                f"{row[name]['cpu'] / row['glibc']['cpu']} "
                f"{row[name]['resident'] / row['glibc']['resident']} "
                f'"{program}"\n' for program, row in sorted(table.items())
                if name in row and 'glibc' in row and name != 'glibc')
            if lines:
                data[f'd{number}'] = lines
                curves.append(f'$d{number} using 1:2 with points pt 7 lc rgb '
                              f"'{self.color[name]}' title '{name}'")
        if curves:
            self.draw('programs', "Real programs, glibc = 1: down and to the "
                      'left is better',
                      "set xlabel 'CPU time'\nset ylabel 'resident'\n"
                      'set key outside right\nset offsets graph '
                      '0.1, 0.1, 0.1, 0.1\nset arrow from 1, graph 0 to 1, '
                      "graph 1 nohead lc '#bbbbbb'\nset arrow from graph 0, "
                      "first 1 to graph 1, first 1 nohead lc '#bbbbbb'",
                      data, curves, 700, 420)

    def all(self):
        self.per_trace('time', 'Time of an operation, warm', 'ns', 'time',
                       lambda a: a['warm'], 'set logscale y')
        self.per_trace('utilization', 'Peak payload to peak resident, one '
                       'process', '%', 'memory', lambda a: a['utilization'],
                       'set yrange [0:100]')
        self.per_trace('staggered', 'Peak payload to peak resident, sixteen '
                       'staggered copies', '%', 'staggered',
                       lambda a: a['utilization'], 'set yrange [0:100]')
        self.per_trace('worst', 'Slowest malloc or free', 'cycles', 'latency',
                       lambda a: max(worst_of(a), 1), 'set logscale y')
        self.per_trace('percentile', 'malloc: 999 of 1000 within', 'cycles',
                       'latency', lambda a: max(a['best malloc'][4], 1),
                       'set logscale y')
        self.tradeoff()
        self.resident()
        self.threads()
        self.programs()


def write(results, folder):
    report = Report(results)
    with open(os.path.join(folder, 'table.md'), 'w',
              encoding='utf-8') as file:
        file.write(report.text())
    if shutil.which('gnuplot') is None:
        print('gnuplot is not installed: there are no plots '
              '(Debian: gnuplot-nox).')
        return
    Plots(report, folder).all()
