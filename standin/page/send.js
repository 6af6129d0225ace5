// Requests to the stand-in.

/** Posts JSON. Gives `{answer}`, or `{fault}` in words. */
export async function send(path, body) {
  try {
    const response = await fetch(path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
    const answer = await response.json();
    return response.ok ? { answer } : { fault: answer.error?.message ?? `refused with ${response.status}` };
  } catch {
    return { fault: 'The stand-in does not answer.' };
  }
}
