//! What the generator promises, checked on what it wrote.

mod demo;
mod further;
mod further_mess;
mod mess;
mod read_back;
mod support;
mod whole;
