/** The little that a test asks of a browser, whatever drives it. */
export interface Driver {
  goto(url: string): Promise<void>;
  /** Runs a function in the page. It may use its argument and the page's globals only. */
  evaluate<Argument, Result>(run: (argument: Argument) => Result | Promise<Result>, argument: Argument): Promise<Result>;
  /** Clicks the one element with that `data-testid`, when it is there and can be clicked. */
  click(testId: string): Promise<void>;
  /** Replaces the text of the one field with that `data-testid`. */
  fill(testId: string, text: string): Promise<void>;
  /** Saves what the page looks like. */
  screenshot(path: string): Promise<void>;
  /** Closes the page with its profile; the call sees a participant whose tab was closed. */
  close(): Promise<void>;
}
