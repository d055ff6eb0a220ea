//! Runnable examples of embedding smarthome; see the files beside this one.
