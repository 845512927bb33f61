/** Showing what goes on, in a terminal and as pictures: `display` of the package. */
export { drawImage, sideBySide } from './image.js';
export { type LineChartOptions, lineChart, lineChartSvg } from './lineChart.js';
export { ProgressBar, type ProgressBarOptions } from './progressBar.js';
