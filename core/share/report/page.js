// The page: a report with its data in it, or one of the dashboard's, which asks for them again and again.

const data = JSON.parse(document.getElementById("data").textContent);
const page = document.getElementById("page");

function chooseTheme(name) {
  document.documentElement.dataset.theme = name;
  window.dispatchEvent(new Event("theme"));
}

/** Light or dark as the system is, until the reader says otherwise. */
function followTheme() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  chooseTheme(dark.matches ? "dark" : "light");
  dark.addEventListener("change", () => chooseTheme(dark.matches ? "dark" : "light"));
  let before = null; // paper is white, and as wide as its kind
  window.addEventListener("beforeprint", () => {
    before = theme();
    document.documentElement.classList.add("paper");
    chooseTheme("light");
  });
  window.addEventListener("afterprint", () => {
    document.documentElement.classList.remove("paper");
    chooseTheme(before ?? theme());
  });
}

function topBar(...middle) {
  const home = data.dashboard
    ? el("a", { class: "brand", href: "/" }, "jobhost")
    : el("span", { class: "brand" }, "jobhost");
  return el(
    "nav",
    { class: "bar" },
    home,
    ...middle,
    el("span", { class: "space" }),
    el("button", { class: "plain", onclick: () => print() }, "Print"),
    el("button", { class: "plain", onclick: () => chooseTheme(theme() === "dark" ? "light" : "dark") }, "Light / dark"),
  );
}

class JobPage {
  constructor() {
    this.made = el("span");
    this.actions = el("span");
    this.trouble = el("div", { class: "trouble", role: "alert", hidden: true });
    this.head = el("div", { class: "head" });
    this.sections = [
      new Verdict(),
      new Failures(),
      new Results(),
      new Activity(),
      new Durations(),
      new Tasks(),
      new Provenance(),
    ];
    page.replaceChildren(
      topBar(this.made, this.actions),
      this.trouble,
      el("main", {}, this.head, ...this.sections.map(({ element }) => element)),
    );
    window.addEventListener("theme", () => {
      if (this.report) this.update(this.report);
    });
  }

  update(report) {
    this.report = report;
    const { job, verdict } = report;
    document.title = `${job.kernel.name} · ${job.job}`;
    this.made.textContent = `${data.dashboard ? "as of" : "report of"} ${time(report.made)}`;
    const facts = [
      `job ${job.job}`,
      job.label,
      `${job.backend} with ${plural(job.workers, "worker")}`,
      `submitted ${time(job.created)} on ${job.hostname}`,
      job.parent ? `repeats ${job.parent}` : "",
    ];
    this.head.replaceChildren(
      el("div", { class: "title" }, el("h1", {}, job.kernel.name), statePill(job.state, verdict.failed, report.works)),
      el("p", { class: "signature mono" }, job.kernel.signature),
      el("p", { class: "facts" }, facts.filter(Boolean).join(" · ")),
    );
    if (data.may_cancel)
      this.actions.replaceChildren(report.works || job.state === "not begun" ? this.cancelButton(job.job) : "");
    for (const section of this.sections) section.update(report);
  }

  cancelButton(id) {
    const button = el(
      "button",
      {
        class: "danger",
        onclick: async () => {
          if (!confirm("Cancel this job? What is done stays, and jobhost resume goes on.")) return;
          const answer = await fetch(`/api/jobs/${id}/cancel`, { method: "POST" });
          this.say(await answer.text());
        },
      },
      "Cancel job",
    );
    return button;
  }

  /** "" takes it away. */
  say(text) {
    this.trouble.textContent = text;
    this.trouble.hidden = text === "";
  }

  /** Whether a later document says anything new. */
  static changed(before, now) {
    const parts = ({ job, verdict, failures, works }) =>
      JSON.stringify([job.state, job.nodes, job.queue, verdict, failures.count, works]);
    return !before || parts(before) !== parts(now);
  }
}

class ListPage {
  constructor() {
    document.title = "Jobs · jobhost";
    this.trouble = el("div", { class: "trouble", role: "alert", hidden: true });
    this.body = el("tbody");
    this.empty = el("p", { class: "empty", hidden: true }, "No jobs here yet.");
    const heads = ["job", "kernel", "state", "", "tasks", "failed", "submitted"];
    this.table = el(
      "table",
      { class: "jobs" },
      el(
        "thead",
        {},
        el(
          "tr",
          {},
          heads.map((name) =>
            el("th", { scope: "col", class: name === "tasks" || name === "failed" ? "number" : "" }, name),
          ),
        ),
      ),
      this.body,
    );
    page.replaceChildren(
      topBar(),
      this.trouble,
      el(
        "main",
        {},
        el("div", { class: "head" }, el("h1", {}, "Jobs"), el("p", { class: "facts" }, data.store)),
        el("section", {}, el("div", { class: "scroll" }, this.table), this.empty),
      ),
    );
  }

  update({ jobs }) {
    const focused = document.activeElement?.getAttribute("href");
    this.empty.hidden = jobs.length > 0;
    this.table.hidden = jobs.length === 0;
    this.body.replaceChildren(...jobs.toReversed().map((job) => this.rowOf(job)));
    if (focused) [...this.body.querySelectorAll("a")].find((link) => link.getAttribute("href") === focused)?.focus();
  }

  rowOf(job) {
    const link = el("a", { href: `/jobs/${encodeURIComponent(job.job)}` }, job.job);
    if (job.error)
      return el(
        "tr",
        {},
        el("td", {}, job.job),
        el("td", { class: "text", colspan: "6" }, statePill(job.state, 0, false), ` ${job.error}`),
      );
    const works = /^(running|cancelling)/.test(job.state);
    const label = [job.label, job.parent ? `repeats ${job.parent}` : ""].filter(Boolean).join(", ");
    return el(
      "tr",
      {},
      el("td", {}, link, label ? el("div", { class: "note" }, label) : null),
      el("td", {}, job.kernel),
      el("td", {}, statePill(job.state, job.failed, works)),
      el("td", {}, shareBar(job.done - job.failed, job.failed, job.tasks)),
      el(
        "td",
        { class: "number" },
        job.done === job.tasks ? count(job.tasks) : `${count(job.done)} / ${count(job.tasks)}`,
      ),
      el("td", { class: `number ${job.failed > 0 ? "badtext" : ""}` }, count(job.failed)),
      el("td", {}, time(job.created)),
    );
  }

  say(text) {
    this.trouble.textContent = text;
    this.trouble.hidden = text === "";
  }
}

/** Asks again after a pause, longer when nothing goes on; not while nobody looks. */
async function follow(path, view, works) {
  let last = null;
  for (;;) {
    if (!document.hidden) {
      try {
        const answer = await fetch(path);
        if (!answer.ok) throw new Error((await answer.text()).trim());
        const now = await answer.json();
        if (!(view instanceof JobPage) || JobPage.changed(last, now)) view.update(now);
        last = now;
        view.say("");
      } catch (error) {
        view.say(
          error instanceof TypeError
            ? "The dashboard does not answer any more: start it again with jobhost dashboard."
            : error.message,
        );
      }
    }
    await new Promise((resume) => setTimeout(resume, last && !works(last) ? 5000 : 1000));
  }
}

followTheme();
if (!data.dashboard) {
  new JobPage().update(data);
} else {
  history.replaceState(null, "", location.pathname); // the token is in a cookie now
  if (data.job) follow(`/api/jobs/${encodeURIComponent(data.job)}`, new JobPage(), (report) => report.works);
  else follow("/api/jobs", new ListPage(), ({ jobs }) => jobs.some((job) => /^(running|cancelling)/.test(job.state)));
}
