// The verdict, failures, the table of tasks, and how the results came to be.

/** The word for a job's state, in the colour of its outcome. */
function statePill(state, failed, works) {
  const kind = works
    ? "live"
    : state === "damaged" || state === "refused" || state === "unreadable" || failed > 0
      ? "bad"
      : state === "done"
        ? "good"
        : "";
  return el("span", { class: `pill ${kind}` }, state === "done" && failed > 0 ? "done, with failures" : state);
}

/** How many of all tasks succeeded and failed, as a bar. */
function shareBar(succeeded, failed, tasks) {
  const part = (kind, number) => {
    const bar = el("i", { class: kind });
    bar.style.width = `${(number / Math.max(tasks, 1)) * 100}%`;
    if (number > 0) bar.style.minWidth = "2px";
    return bar;
  };
  return el(
    "div",
    { class: "share", role: "img", "aria-label": `${succeeded} of ${tasks} tasks succeeded, ${failed} failed` },
    part("good", succeeded),
    part("bad", failed),
  );
}

class Verdict {
  constructor() {
    this.element = el("section");
  }
  update(report) {
    const { verdict, job, durations } = report;
    const [first, ...rest] = verdict.sentences;
    const bad = verdict.failed > 0 || job.state === "damaged";
    this.element.className = `verdict ${bad ? "bad" : verdict.missing > 0 ? "open" : ""}`;
    const tile = (name, value, kind = "", title = null) =>
      el("div", { class: kind, title }, el("dt", {}, name), el("dd", {}, value));
    const tiles = [
      tile("succeeded", count(verdict.succeeded)),
      tile("failed", count(verdict.failed), verdict.failed > 0 ? "bad" : ""),
    ];
    if (verdict.missing > 0) tiles.push(tile("not done", count(verdict.missing)));
    if (durations) {
      tiles.push(
        tile("wall time", duration(verdict.wall_seconds), "", "From the first task's start to the last one's end"),
        tile("time in tasks", duration(verdict.task_seconds), "", "Of all tasks together, as by a clock on the wall"),
      );
      if (verdict.speed_up !== null)
        tiles.push(
          tile("speed-up", `${brief(verdict.speed_up, 3)} ×`, "", "Time in tasks, by wall time"),
          tile("efficiency", percent(verdict.efficiency), "", `Speed-up, by ${plural(verdict.workers, "worker")}`),
        );
      tiles.push(tile("tasks per second", compact(verdict.tasks_per_second)));
    }
    const list = el("dl", { class: "tiles" }, tiles);
    list.style.setProperty("--columns", tiles.length > 5 ? Math.ceil(tiles.length / 2) : tiles.length);
    const damage = (job.damage ?? []).map((sentence) => el("p", { class: "badtext" }, sentence));
    this.element.replaceChildren(
      el("p", { class: "first" }, first),
      ...rest.map((sentence) => el("p", {}, sentence)),
      ...damage,
      shareBar(verdict.succeeded, verdict.failed, job.tasks),
      list,
    );
  }
}

function headline(error) {
  const front = error.type || error.kind;
  return error.what && error.what !== error.type ? `${front}: ${error.what}` : front;
}

class Failures {
  constructor() {
    this.open = new Set();
    this.list = el("div");
    this.note = el("p", { class: "note" });
    this.title = el("span", { class: "note" });
    this.element = el(
      "section",
      { class: "failures" },
      el("header", {}, el("h2", {}, "Failures"), this.title),
      this.list,
      this.note,
    );
  }

  update(report) {
    const { failures } = report;
    this.element.hidden = failures.count === 0;
    const groups = plural(failures.groups.length, "group");
    this.title.textContent = `${plural(failures.count, "task")} in ${groups} of the same kind, type, place and message`;
    this.note.textContent =
      failures.left_out > 0 ? `${count(failures.left_out)} failures of further kinds are not shown.` : "";
    this.list.replaceChildren(...failures.groups.map((group, i) => this.groupOf(report, group, i)));
  }

  groupOf(report, group, i) {
    const { error } = group,
      key = `${error.kind} ${error.type} ${error.where} ${error.what}`,
      words = headline(error) + (group.same_message ? "" : " (or alike)");
    const stack = [
      ...error.causes.map((cause) => `caused by ${cause}`),
      ...foldedStack(error.stack),
    ];
    const replay = group.first_tasks.map((task) => copyable(`jobhost replay ${taskName(report, task)}`));
    const more = group.count - group.first_tasks.length;
    const details = el(
      "details",
      { class: "failure", open: this.open.has(key) || (i === 0 && !this.touched) },
      el(
        "summary",
        {},
        el("span", { class: "count" }, `${count(group.count)} ×`),
        el("span", { class: "what" }, words, el("span", { class: "where" }, error.where || error.kind)),
      ),
      el(
        "div",
        { class: "more" },
        stack.length > 0 ? [el("h3", {}, "Stack of the first"), el("pre", {}, stack.join("\n"))] : null,
        el("h3", {}, "Run one again, here and now"),
        replay,
        more > 0 ? el("p", { class: "note" }, `and ${plural(more, "more task")} like these`) : null,
      ),
    );
    details.addEventListener("toggle", () => {
      this.touched = true;
      if (details.open) this.open.add(key);
      else this.open.delete(key);
    });
    return details;
  }
}

/** Equal calls that follow each other are one line. */
function foldedStack(stack) {
  const lines = [];
  for (const call of stack) {
    if (lines.at(-1)?.call === call) ++lines.at(-1).times;
    else lines.push({ call, times: 1 });
  }
  return lines.map(({ call, times }) => (times > 1 ? `${call}   (${times} times)` : call));
}

/** How commands name a task of the job: JOB/TASK, with the store behind it where that is not the usual one. */
function taskName(report, task) {
  const at = report.called.indexOf(" --store ");
  return at < 0 ? `${report.called}/${task}` : `${report.called.slice(0, at)}/${task}${report.called.slice(at)}`;
}

/** A test of rows: words that must occur, and comparisons as in "x>3" or "task=17". */
function filterOf(text, columns) {
  const operators = {
    "=": (a, b) => a === b,
    "<": (a, b) => a < b,
    ">": (a, b) => a > b,
    "<=": (a, b) => a <= b,
    ">=": (a, b) => a >= b,
    "!=": (a, b) => a !== b,
  };
  const tests = text
    .split(/\s+/)
    .filter(Boolean)
    .map((word) => {
      const [, name, operator, value] = word.match(/^([^<>=!]+)(<=|>=|!=|<|>|=)(.+)$/) ?? [];
      const column = columns.find((one) => one.name === name);
      if (column) {
        const number = Number(value);
        if (!Number.isNaN(number))
          return (i) => column.values[i] !== null && operators[operator](Number(column.values[i]), number);
        return (i) => operators[operator](String(column.values[i]), value);
      }
      const wanted = word.toLowerCase();
      return (i) =>
        columns.some(({ values }) => values[i] !== null && String(values[i]).toLowerCase().includes(wanted));
    });
  return (i) => tests.every((test) => test(i));
}

class Tasks {
  constructor() {
    this.sort = { key: "task", falling: false };
    this.first = 0;
    this.search = el("input", {
      type: "search",
      placeholder: "words, or x>3 task=17",
      "aria-label": "Filter tasks",
      oninput: () => {
        this.first = 0;
        this.draw();
      },
    });
    this.only = "all";
    this.status = new Choice("show", (value) => {
      this.only = value;
      this.first = 0;
      this.draw();
    });
    this.head = el("tr");
    this.body = el("tbody");
    this.where = el("span", { "aria-live": "polite" });
    this.back = el("button", { onclick: () => this.turn(-1) }, "‹ Back");
    this.next = el("button", { onclick: () => this.turn(1) }, "Next ›");
    this.note = el("p", { class: "note" });
    this.shared = el("p", { class: "figures constants" });
    this.element = el(
      "section",
      { class: "tasks" },
      el("header", {}, el("h2", {}, "Tasks"), el("span", { class: "space" }), this.status.element, this.search),
      this.shared,
      el("div", { class: "scroll" }, el("table", {}, el("thead", {}, this.head), this.body)),
      el("div", { class: "pages" }, this.back, this.next, this.where),
      this.note,
    );
  }

  update(report) {
    this.report = report;
    const { tasks } = report;
    const failure = tasks.task.map((task) => tasks.failures[task]?.[1] ?? null);
    const named = tableOf(report).filter(({ key }) => key !== "seconds");
    this.constant = named.filter(({ input, varies }) => input && !varies && report.job.tasks > 1);
    this.shared.textContent =
      this.constant.map(({ name, values }) => `${name} ${shortened(String(values[0]), 60)}`).join(" · ") + " in all tasks";
    this.shared.hidden = this.constant.length === 0;
    this.columns = [...named.filter((column) => !this.constant.includes(column)), { key: "seconds", name: "seconds", numeric: true, values: tasks.seconds }];
    if (Object.keys(tasks.attempts).length > 0)
      this.columns.push({
        key: "attempts",
        name: "attempts",
        numeric: true,
        values: tasks.task.map((task) => tasks.attempts[task] ?? 1),
      });
    if (failure.some(Boolean)) this.columns.push({ key: "failure", name: "failure", values: failure });
    this.failure = failure;
    this.element.hidden = tasks.task.length === 0;
    this.status.update(
      failure.some(Boolean)
        ? [
            ["all", "all tasks"],
            ["failed", "failed"],
            ["succeeded", "succeeded"],
          ]
        : [["all", "all tasks"]],
      this.only,
    );
    this.note.textContent = sampleNote(report);
    this.draw();
  }

  turn(by) {
    this.first += by * Tasks.rows;
    this.draw();
  }

  draw() {
    const { columns, failure, sort } = this;
    const matches = filterOf(this.search.value, [...columns, ...this.constant]);
    const wanted = (i) => (this.only === "all" || (failure[i] !== null) === (this.only === "failed")) && matches(i);
    const rows = failure.map((_, i) => i).filter(wanted);
    const by = columns.find(({ key }) => key === sort.key) ?? columns[0];
    rows.sort((a, b) => compare(by.values[a], by.values[b], by.numeric, sort.falling));
    this.first = Math.min(Math.max(this.first, 0), Math.max(0, Math.ceil(rows.length / Tasks.rows) - 1) * Tasks.rows);
    const shown = rows.slice(this.first, this.first + Tasks.rows);
    const focused = this.head.contains(document.activeElement) ? document.activeElement.textContent : null;
    this.head.replaceChildren(...columns.map((column) => this.headOf(column)), el("th"));
    if (focused) [...this.head.querySelectorAll("button")].find((button) => button.textContent === focused)?.focus();
    this.body.replaceChildren(...shown.map((i) => this.rowOf(i)));
    this.where.textContent =
      rows.length === 0
        ? "No task matches."
        : `${count(this.first + 1)} to ${count(this.first + shown.length)} of ${plural(rows.length, "row")}`;
    this.back.disabled = this.first === 0;
    this.next.disabled = this.first + Tasks.rows >= rows.length;
    this.back.hidden = this.next.hidden = rows.length <= Tasks.rows;
  }

  headOf(column) {
    const chosen = this.sort.key === column.key;
    const sortBy = () => {
      this.sort = { key: column.key, falling: chosen && !this.sort.falling };
      this.first = 0;
      this.draw();
    };
    return el(
      "th",
      {
        scope: "col",
        class: column.numeric ? "number" : "",
        "aria-sort": chosen ? (this.sort.falling ? "descending" : "ascending") : null,
      },
      el("button", { onclick: sortBy }, column.name),
    );
  }

  rowOf(i) {
    const replay = el(
      "button",
      {
        class: "plain",
        title: "Copy the command that runs this task again",
        onclick: () => copy(`jobhost replay ${taskName(this.report, this.report.tasks.task[i])}`, replay),
      },
      "replay",
    );
    const cells = this.columns.map(({ key, numeric, values }) => {
      const value = values[i];
      const text = value === null ? "" : key === "seconds" ? duration(value) : String(value);
      return el(
        "td",
        { class: numeric ? "number" : key === "failure" ? "text badtext" : "text" },
        key === "task" ? `#${text}` : text,
      );
    });
    return el("tr", { class: this.failure[i] === null ? "" : "failed" }, cells, el("td", {}, replay));
  }
}
Tasks.rows = 20;

/** What is missing comes last, whatever the direction. */
function compare(a, b, numeric, falling) {
  if (a === null || b === null) return (a === null) - (b === null);
  const order = numeric ? Number(a) - Number(b) : String(a).localeCompare(String(b), undefined, { numeric: true });
  return falling ? -order : order;
}

function quoted(word) {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

class Provenance {
  constructor() {
    this.list = el("dl", { class: "facts-list" });
    this.raw = el("pre");
    this.more = el(
      "details",
      { class: "raw" },
      el("summary", {}, "All that is recorded (jobhost show --json)"),
      this.raw,
    );
    this.element = el(
      "section",
      { class: "provenance" },
      el("header", {}, el("h2", {}, "Provenance")),
      this.list,
      this.more,
    );
  }

  update(report) {
    const { job } = report,
      provenance = job.provenance ?? {};
    const facts = [
      ["command", job.command.map(quoted).join(" ")],
      ["kernel", job.kernel.signature],
      ["source", job.kernel.line > 0 ? `${job.kernel.file}:${job.kernel.line}` : job.kernel.file],
      ["built by", job.built_by || provenance.compiler],
      ["commit", provenance.commit ? provenance.commit + (provenance.dirty ? ", with uncommitted changes" : "") : ""],
      ["plugin", `${job.plugin.origin}   SHA-256 ${job.plugin.sha256}`],
      ["libraries", job.libraries.map((library) => library.origin).join(", ")],
      [
        "submitted",
        `${time(job.created)} on ${job.hostname}${provenance.jobhost ? ` with jobhost ${provenance.jobhost}` : ""}`,
      ],
      ["processor", provenance.processor],
      ["platform", provenance.system],
      ["working directory", job.working_directory],
      ["job directory", job.directory],
      ["seed", job.seed === undefined ? "" : JSON.stringify(job.seed)],
      ["repeats", job.parent],
      ["ran twice", job.ran_twice > 0 ? `${plural(job.ran_twice, "task")}, of which the first result counts` : ""],
      ["notes", (job.notes ?? []).join("\n")],
    ];
    this.list.replaceChildren(
      ...facts
        .filter(([, text]) => text)
        .flatMap(([name, text]) => [
          el("dt", {}, name),
          el("dd", { class: name === "command" || name === "kernel" ? "mono" : "" }, text),
        ]),
    );
    this.raw.textContent = JSON.stringify(job, null, 2);
  }
}
