/* Ask the service. Of questions that come faster than answers only the newest is asked. */

export class ServiceError extends Error {}

export async function request(url, {method = "GET", body = null} = {}) {
  let answer;
  try {
    answer = await fetch(url, {method, cache: "no-cache", credentials: "same-origin",
      ...(body === null ? {} : {headers: {"Content-Type": "application/json"}, body: JSON.stringify(body)})});
  } catch {
    throw new ServiceError("service unreachable");
  }
  if (!answer.ok) {
    let detail = `${answer.status}`;
    try {
      detail = (await answer.json()).detail ?? detail;
    } catch {
      // An answer without a body keeps its number.
    }
    throw Object.assign(new ServiceError(detail), {status: answer.status});
  }
  return answer;
}

export async function json(url, more) {
  return (await request(url, more)).json();
}

export class Asker {
  constructor(answered, failed) {
    this.answered = answered;
    this.failed = failed;
    this.next = null;
    this.busy = false;
  }

  ask(body) {
    this.next = body;
    if (!this.busy) this.work();
  }

  async work() {
    this.busy = true;
    while (this.next) {
      const body = this.next;
      this.next = null;
      const began = performance.now();
      try {
        const answer = await json("/what-if", {method: "POST", body});
        this.answered(answer, body, performance.now() - began, this.next !== null);
      } catch (error) {
        this.failed(error, body);
      }
    }
    this.busy = false;
  }
}
