"use strict";

// Where scripts run, a table is not laid out before they have taken it: of a long one they show only the rows in view.
document.documentElement.classList.add("early");
addEventListener("load", () => document.documentElement.classList.remove("early"));
