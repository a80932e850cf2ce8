//! What paints in the browser: the network, training and flags of `examples/paint_logo`, a slice of
//! training at a time. `page/worker.js` calls it through `exports`; docs/web.md tells the rest.

pub mod painting;

mod exports;

// The program has more flags and pictures than the page.
#[allow(dead_code)]
#[path = "../../paint_logo/canvas.rs"]
mod canvas;
#[allow(dead_code)]
#[path = "../../paint_logo/flags.rs"]
mod flags;
#[allow(dead_code)]
#[path = "../../paint_logo/painter.rs"]
mod painter;
#[allow(dead_code)]
#[path = "../../paint_logo/picture.rs"]
mod picture;
