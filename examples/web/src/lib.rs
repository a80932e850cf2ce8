//! Painting in the browser, with the network, training and flags of `examples/paint_logo`.
//! Training comes in slices. `page/worker.js` calls the functions of `exports`. docs/web.md
//! explains the rest.

pub mod painting;

mod exports;

// The program has more flags and pictures than the page.
#[allow(dead_code)]
#[path = "../../paint_logo/canvas.rs"]
mod canvas;
#[path = "../../support/src/decode.rs"]
mod decode;
#[allow(dead_code)]
#[path = "../../paint_logo/flags.rs"]
mod flags;
#[path = "../../paint_logo/hidden.rs"]
mod hidden;
#[allow(dead_code)]
#[path = "../../paint_logo/painter.rs"]
mod painter;
#[allow(dead_code)]
#[path = "../../paint_logo/picture.rs"]
mod picture;
#[path = "../../support/src/values.rs"]
mod values;

use painter::Result; // as `decode` expects it
