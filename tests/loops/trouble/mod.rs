//! What goes wrong around a watcher: its state, its disk, its process, its neighbours.

mod broken;
mod detach;
mod full;
mod many;
mod scene;
